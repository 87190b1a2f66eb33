#include "server/etcd/auth_login.h"

#include <sys/random.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kv/auth/errors.h"
#include "server/etcd/auth_jwt.h"
#include "server/etcd/auth_passwords.h"
#include "server/etcd/replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;

// etcd has no bound; somebody who changes users without end must not keep us hashing.
constexpr int kMostTries = 10;

absl::StatusOr<std::string> RandomLetters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr size_t kCount = 16;
  constexpr unsigned char kFair = 256 / kLetters.size() * kLetters.size();  // above: another byte
  std::string out;
  while (out.size() < kCount) {
    unsigned char byte = 0;
    if (getrandom(&byte, 1, 0) != 1) {
      if (errno == EINTR) continue;
      return absl::InternalError("pintle: no random bytes for a token");
    }
    if (byte < kFair) out.push_back(kLetters[byte % kLetters.size()]);
  }
  return out;
}

class Login : public std::enable_shared_from_this<Login> {
 public:
  Login(ServicePtr service, const etcdserverpb::AuthenticateRequest& request, CallPtr call)
      : service_(std::move(service)),
        call_(std::move(call)),
        name_(request.name()),
        password_(request.password()) {}

  void Begin() {
    WithView(*service_, /*serializable=*/false, call_,
             [self = shared_from_this()](const kv::ReadView& view) { self->Look(view.auth()); });
  }

 private:
  void Look(const kv::auth::AuthState& auth) {
    if (!auth.enabled()) return call_->Finish(kv::auth::ErrAuthNotEnabled());
    const kv::auth::User* user = auth.FindUser(name_);
    if (user != nullptr && user->no_password) return call_->Finish(kv::auth::ErrNoPasswordUser());
    checked_revision_ = auth.revision();
    // Nobody's password is checked like everybody's.
    std::string hash = user == nullptr ? std::string() : user->password_hash;
    const bool taken = service_->passwords->Do([self = shared_from_this(), hash = std::move(hash)] {
      const int cost = self->service_->options.auth.bcrypt_cost;
      const bool fits = PasswordFits(hash, self->password_, cost);
      OnCallThread(self->call_, [self, fits] { self->Checked(fits); });
    });
    if (!taken) call_->Finish(replica::ErrTooManyRequests());
  }

  void Checked(bool fits) {
    if (!fits) return call_->Finish(kv::auth::ErrAuthFailed());
    etcdserverpb::InternalAuthenticateRequest entry;
    entry.set_name(name_);
    if (service_->options.auth.jwt == nullptr) {
      const auto letters = RandomLetters();
      if (!letters.ok()) return call_->Finish(letters.status());
      prefix_ = *letters;
      entry.set_simple_token(prefix_);
    }
    service_->member.ProposeFor(
        kv::auth::Caller(), replica::RequestKind::kAuthenticate, entry.SerializeAsString(),
        [self = shared_from_this()](absl::StatusOr<replica::Applied> applied) {
          OnCallThread(self->call_, [self, applied = std::move(applied)] {
            if (!applied.ok()) return self->call_->Finish(applied.status());
            self->Applied(*applied);
          });
        });
  }

  void Applied(const replica::Applied& applied) {
    const auto& result = std::get<kv::AuthResult>(applied.result);
    if (result.auth_revision != checked_revision_) {
      if (++tries_ == kMostTries) return call_->Finish(kv::auth::ErrAuthOldRevision());
      return Begin();
    }
    const Jwt* jwt = service_->options.auth.jwt.get();
    if (jwt == nullptr) {
      return Answer(applied.revision, absl::StrCat(prefix_, ".", applied.raft_index));
    }
    const bool taken =
        service_->passwords->Do([self = shared_from_this(), jwt, revision = applied.revision] {
          auto token = jwt->Issue(self->name_, self->checked_revision_, absl::Now());
          OnCallThread(self->call_, [self, revision, token = std::move(token)] {
            if (!token.ok()) return self->call_->Finish(token.status());
            self->Answer(revision, *token);
          });
        });
    if (!taken) call_->Finish(replica::ErrTooManyRequests());
  }

  void Answer(int64_t revision, std::string token) {
    etcdserverpb::AuthenticateResponse response;
    const HeaderFacts facts = FactsOf(service_->member);
    response.mutable_header()->set_cluster_id(facts.cluster_id);
    response.mutable_header()->set_member_id(facts.member_id);
    response.mutable_header()->set_raft_term(facts.raft_term);
    response.mutable_header()->set_revision(revision);
    response.set_token(std::move(token));
    call_->Reply(response.SerializeAsString());
  }

  const ServicePtr service_;
  const CallPtr call_;
  const std::string name_;
  const std::string password_;
  std::string prefix_;
  uint64_t checked_revision_ = 0;
  int tries_ = 0;
};

}  // namespace

void LogIn(const ServicePtr& service, const etcdserverpb::AuthenticateRequest& request,
           CallPtr call) {
  std::make_shared<Login>(service, request, std::move(call))->Begin();
}

}  // namespace pintle::server::etcd

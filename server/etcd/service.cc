#include "server/etcd/service.h"

#include "net/http.h"
#include "server/etcd/auth_caller.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i <= more) return false;
    const auto second = static_cast<unsigned char>(text[i + 1]);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    for (size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

class ClosedStream final : public net::GrpcStreamHandler {
 public:
  void OnMessage(std::string) override {}
  void OnHalfClose() override {}
};

using ViewPtr = std::shared_ptr<const kv::ReadView>;

void UseNewest(const Service& service, net::GrpcCall& call, UseView& use) {
  if (!service.member.store_usable()) return call.Finish(replica::ErrStoreUnderRepair());
  use(*service.member.view());
}

}  // namespace

bool RequiresLeader(const net::GrpcCall& call) {
  return call.metadata().Get("hasleader") == "true";
}

bool LearnersAnswer(std::string_view path) {
  return path == "/etcdserverpb.Maintenance/Status" || path == "/etcdserverpb.KV/Range" ||
         path.starts_with("/grpc.health.v1.Health/");
}

absl::Status CheckMetadata(const Service& service, const net::GrpcCall& call, bool stream) {
  const std::string_view version = call.metadata().Get("client-api-version");
  if (!IsUtf8(version)) return ErrInvalidClientApiVersion();
  service.counters->client_versions.Count(version, stream);
  if (RequiresLeader(call) && service.member.status().leader_id == 0) return replica::ErrNoLeader();
  return absl::OkStatus();
}

absl::Status CheckStream(const Service& service, const net::GrpcCall& call) {
  if (service.member.is_learner()) return ErrNotForLearners();
  return CheckMetadata(service, call, /*stream=*/true);
}

void AddNotBuilt(net::GrpcRouter& router, std::string path) {
  router.Unary(path, [path](std::string, std::shared_ptr<net::GrpcCall> call) {
    call->Finish(ErrNotBuilt(path));
  });
}

void AddNotBuiltStream(net::GrpcRouter& router, std::string path) {
  router.Stream(path, [path](std::shared_ptr<net::GrpcCall> call) {
    call->Finish(ErrNotBuilt(path));
    return std::make_unique<ClosedStream>();
  });
}

void OnCallThread(const std::shared_ptr<net::GrpcCall>& call, absl::AnyInvocable<void()> work) {
  net::Executor& executor = call->executor();
  if (executor.OnThread()) {
    work();
  } else {
    executor.Post(std::move(work));
  }
}

void WithView(const Service& service, bool serializable, std::shared_ptr<net::GrpcCall> call,
              UseView use) {
  if (serializable) return UseNewest(service, *call, use);
  service.member.LinearizableRead([&service, call = std::move(call),
                                   use = std::move(use)](absl::StatusOr<ViewPtr> view) mutable {
    OnCallThread(call, [&service, call, use = std::move(use), view = std::move(view)]() mutable {
      if (!view.ok()) return call->Finish(view.status());
      if (call->HasRoom(0)) return use(**view);
      // A view is not kept for a client that does not read: a newer one will do as well.
      call->OnRoom(
          0, [&service, call, use = std::move(use)]() mutable { UseNewest(service, *call, use); });
    });
  });
}

bool MustAsk(const Service& service, AuthRule rule) {
  return (rule == AuthRule::kRoot || rule == AuthRule::kUser) && service.member.auth_enabled();
}

void AdmitThen(const Service& service, AuthRule rule, std::shared_ptr<net::GrpcCall> call,
               absl::AnyInvocable<void()> go) {
  Admit(service, rule, std::move(call), std::move(go));
}

void ProposeThen(const Service& service, replica::RequestKind kind, std::string body,
                 std::shared_ptr<net::GrpcCall> call, UseApplied use) {
  // Nobody asks who calls: the caller is nobody, which apply finds wrong if it is on by then.
  if (!service.member.auth_enabled()) {
    return ProposeAs(service, kv::auth::Caller(), kind, std::move(body), std::move(call),
                     std::move(use));
  }
  WithCaller(service, call,
             [&service, kind, body = std::move(body), call,
              use = std::move(use)](const kv::auth::Caller& caller) mutable {
               ProposeAs(service, caller, kind, std::move(body), std::move(call), std::move(use));
             });
}

void ProposeAs(const Service& service, kv::auth::Caller caller, replica::RequestKind kind,
               std::string body, std::shared_ptr<net::GrpcCall> call, UseApplied use) {
  service.member.ProposeFor(
      std::move(caller), kind, std::move(body),
      [call = std::move(call),
       use = std::move(use)](absl::StatusOr<replica::Applied> applied) mutable {
        OnCallThread(call, [call, use = std::move(use), applied = std::move(applied)]() mutable {
          if (!applied.ok()) return call->Finish(applied.status());
          if (call->HasRoom(0)) return use(*std::move(applied));
          call->OnRoom(0, [call, use = std::move(use), applied = std::move(applied)]() mutable {
            use(*std::move(applied));
          });
        });
      });
}

}  // namespace pintle::server::etcd

// What the services of the etcd face share: the member, the options, the way in and the way out of
// a call.
//
// Shared by every method and by the callbacks under way (shared_ptr), so that a late answer of the
// member finds it alive. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "net/grpc.h"
#include "server/etcd/auth_passwords.h"
#include "server/etcd/auth_rules.h"
#include "server/etcd/errors.h"
#include "server/etcd/etcd_face.h"
#include "server/etcd/face_counters.h"
#include "server/replica/local_member.h"

namespace pintle::server::etcd {

struct Service {
  Service(replica::LocalMember& own_member, EtcdFaceOptions face_options)
      : member(own_member),
        options(std::move(face_options)),
        passwords(std::make_unique<PasswordWorker>(options.auth.password_threads)) {}

  replica::LocalMember& member;
  const EtcdFaceOptions options;
  const std::shared_ptr<FaceCounters> counters = std::make_shared<FaceCounters>();
  const std::unique_ptr<PasswordWorker> passwords;
};
using ServicePtr = std::shared_ptr<const Service>;

// What is refused before a handler sees the request (etcd-api 1.10, step 2): a client-api-version
// that is no UTF-8, "hasleader" while no leader is known.
absl::Status CheckMetadata(const Service& service, const net::GrpcCall& call, bool stream = false);
// The same for a stream, which no learner serves.
absl::Status CheckStream(const Service& service, const net::GrpcCall& call);
bool RequiresLeader(const net::GrpcCall& call);
// A learner answers Status, health and Range (which refuses what is not serializable); nothing else
// (etcd-api 1.4).
bool LearnersAnswer(std::string_view path);

template <typename Proto>
bool ParseMessage(std::string_view bytes, Proto& message) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// auth_caller.h's Admit, for AddUnary: whether there is anything to ask.
bool MustAsk(const Service& service, AuthRule rule);
void AdmitThen(const Service& service, AuthRule rule, std::shared_ptr<net::GrpcCall> call,
               absl::AnyInvocable<void()> go);

// A unary method: parses, checks the metadata, asks whether the caller may (auth_rules.h), hands
// over. The bytes come along for the log.
template <typename Proto, typename Handler>
void AddUnary(net::GrpcRouter& router, const std::string& path, ServicePtr service,
              Handler handler) {
  const bool by_learners = LearnersAnswer(path);
  const AuthRule rule = AuthRuleOf(path);
  router.Unary(path, [service = std::move(service), handler, by_learners, rule](
                         std::string bytes, std::shared_ptr<net::GrpcCall> call) {
    Proto request;
    if (!ParseMessage(bytes, request)) return call->Finish(ErrNotAMessage());
    if (!by_learners && service->member.is_learner()) return call->Finish(ErrNotForLearners());
    if (absl::Status refused = CheckMetadata(*service, *call); !refused.ok()) {
      return call->Finish(refused);
    }
    if (!MustAsk(*service, rule)) {
      return handler(service, request, std::move(bytes), std::move(call));
    }
    AdmitThen(
        *service, rule, call,
        [service, handler, call, request = std::move(request), bytes = std::move(bytes)]() mutable {
          handler(service, request, std::move(bytes), std::move(call));
        });
  });
}

// A method that answers UNIMPLEMENTED and says so.
void AddNotBuilt(net::GrpcRouter& router, std::string path);
void AddNotBuiltStream(net::GrpcRouter& router, std::string path);

// Runs on the call's thread: at once when this is it.
void OnCallThread(const std::shared_ptr<net::GrpcCall>& call, absl::AnyInvocable<void()> work);

// A view for reading: the newest local one when `serializable`, else one confirmed by a quorum.
// `use` is run on the call's thread; an error ends the call.
using UseView = absl::AnyInvocable<void(const kv::ReadView&)>;
void WithView(const Service& service, bool serializable, std::shared_ptr<net::GrpcCall> call,
              UseView use);

// Proposes on behalf of the caller and runs `reply` with what was applied, on the call's thread; an
// error ends the call.
using UseApplied = absl::AnyInvocable<void(replica::Applied)>;
void ProposeThen(const Service& service, replica::RequestKind kind, std::string body,
                 std::shared_ptr<net::GrpcCall> call, UseApplied use);
// The same when it is known already who calls.
void ProposeAs(const Service& service, kv::auth::Caller caller, replica::RequestKind kind,
               std::string body, std::shared_ptr<net::GrpcCall> call, UseApplied use);

}  // namespace pintle::server::etcd

#include "server/etcd/move_leader.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "proto/etcd/rpc.pb.h"
#include "server/etcd/replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;

constexpr absl::Duration kLook = absl::Milliseconds(10);

// etcd's limit of one request: 5 s for disks and queues, and two elections.
absl::Duration RequestTimeout(const Service& service) {
  return absl::Seconds(5) + 2 * service.options.election_timeout;
}

bool IsVoter(const replica::LocalMember& member, uint64_t id) {
  const auto members = member.members();
  return std::ranges::any_of(
      members, [id](const auto& other) { return other.id == id && !other.is_learner; });
}

// The response has no header, as with etcd.
void Answer(net::GrpcCall& call) {
  call.Reply(etcdserverpb::MoveLeaderResponse().SerializeAsString());
}

// One call that waits until the other member leads.
struct Waiting : std::enable_shared_from_this<Waiting> {
  Waiting(ServicePtr its_service, CallPtr its_call, uint64_t its_target)
      : service(std::move(its_service)), call(std::move(its_call)), target(its_target) {}

  void Look() {
    if (closed) return;
    if (service->member.status().leader_id == target) return Answer(*call);
    if (left <= absl::ZeroDuration()) return call->Finish(replica::ErrTimeoutDueToLeaderFail());
    left -= kLook;
    timer = call->executor().After(kLook, [self = shared_from_this()] { self->Look(); });
  }

  const ServicePtr service;
  const CallPtr call;
  const uint64_t target;
  absl::Duration left = RequestTimeout(*service);
  bool closed = false;  // answered, or the client has gone
  std::unique_ptr<net::Executor::Timer> timer;
};

void MoveLeader(const ServicePtr& service, const etcdserverpb::MoveLeaderRequest& request,
                std::string, CallPtr call) {
  const replica::MemberStatus status = service->member.status();
  const uint64_t target = request.targetid();
  if (!status.is_leader) return call->Finish(replica::ErrNotLeader());
  if (!IsVoter(service->member, target)) return call->Finish(replica::ErrBadLeaderTransferee());
  if (target == status.member_id) return Answer(*call);
  const auto waiting = std::make_shared<Waiting>(service, call, target);
  call->OnClose([waiting] {
    waiting->closed = true;
    waiting->timer.reset();  // it holds this object, and the other way round
  });
  service->options.move_leader(target, [waiting](absl::Status begun) {
    OnCallThread(waiting->call, [waiting, begun = std::move(begun)] {
      if (!begun.ok()) return waiting->call->Finish(begun);
      waiting->Look();
    });
  });
}

}  // namespace

void RegisterMoveLeader(net::GrpcRouter& router, ServicePtr service) {
  const std::string path = "/etcdserverpb.Maintenance/MoveLeader";
  if (service->options.move_leader == nullptr) {
    AddNotBuilt(router, path);
    return;
  }
  AddUnary<etcdserverpb::MoveLeaderRequest>(router, path, std::move(service), MoveLeader);
}

}  // namespace pintle::server::etcd

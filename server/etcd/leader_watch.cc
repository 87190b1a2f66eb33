#include "server/etcd/leader_watch.h"

#include <utility>

#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

constexpr int kMissesAllowed = 3;

}  // namespace

std::unique_ptr<LeaderWatch> LeaderWatch::For(ServicePtr service,
                                              const std::shared_ptr<net::GrpcCall>& call) {
  if (!RequiresLeader(*call)) return nullptr;
  return std::unique_ptr<LeaderWatch>(new LeaderWatch(std::move(service), call));
}

LeaderWatch::LeaderWatch(ServicePtr service, const std::shared_ptr<net::GrpcCall>& call)
    : service_(std::move(service)), call_(call) {
  Arm(call->executor());
}

void LeaderWatch::Arm(net::Executor& executor) {
  timer_ = executor.After(service_->options.election_timeout, [this] { Look(); });
}

void LeaderWatch::Look() {
  const auto call = call_.lock();
  if (call == nullptr) return;
  missed_ = service_->member.status().leader_id == 0 ? missed_ + 1 : 0;
  if (missed_ < kMissesAllowed) {
    Arm(call->executor());
  } else {
    call->Finish(replica::ErrNoLeader());  // may end this object
  }
}

}  // namespace pintle::server::etcd

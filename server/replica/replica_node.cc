#include "server/replica/replica_node.h"

#include <chrono>
#include <utility>

#include "base/status_macros.h"

namespace pintle::server::replica {

absl::StatusOr<std::unique_ptr<ReplicaNode>> ReplicaNode::Start(ReplicaOptions options) {
  std::unique_ptr<ReplicaNode> node(new ReplicaNode());
  node->transport_ = std::move(options.transport);
  const std::chrono::milliseconds tick(options.member.heartbeat_interval_ms);
  PINTLE_ASSIGN_OR_RETURN(
      node->member_, Member::Open(std::move(options.member), {.files = *node->files_,
                                                              .clock = node->clock_,
                                                              .random = node->random_,
                                                              .transport = *node->transport_}));
  node->loop_ = std::make_unique<ReplicaLoop>(*node->member_, tick);
  node->loop_->Start();
  return node;
}

void ReplicaNode::Stop() {
  if (member_ == nullptr) return;
  member_->Close();
  if (loop_ != nullptr) loop_->Stop();
  member_->AnswerWaiting();
}

}  // namespace pintle::server::replica

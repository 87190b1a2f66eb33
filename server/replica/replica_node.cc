#include "server/replica/replica_node.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "base/status_macros.h"
#include "server/replica/errors.h"

namespace pintle::server::replica {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(2);
// A disk that is full at the start is looked at again this often, and spoken of so often.
constexpr absl::Duration kRoomWait = absl::Milliseconds(500);
constexpr absl::Duration kRoomSayEvery = absl::Seconds(10);

}  // namespace

absl::Status ReplicaNode::OpenMember(const ReplicaOptions& options) {
  absl::Time said = absl::InfinitePast();
  for (;;) {
    absl::StatusOr<std::unique_ptr<Member>> opened = Member::Open(
        options.member,
        {.files = *files_, .clock = clock_, .random = random_, .transport = *transport_});
    if (opened.ok()) {
      member_ = *std::move(opened);
      return absl::OkStatus();
    }
    if (!absl::IsResourceExhausted(opened.status())) return opened.status();
    if (clock_.Now() - said >= kRoomSayEvery) {
      said = clock_.Now();
      spdlog::error("no space left to start with in {}: {}. Waiting until there is some",
                    options.member.data_dir, std::string(opened.status().message()));
    }
    if (!options.wait_for_room(kRoomWait)) return opened.status();
  }
}

absl::StatusOr<std::unique_ptr<ReplicaNode>> ReplicaNode::Start(ReplicaOptions options) {
  std::unique_ptr<ReplicaNode> node(new ReplicaNode(options.syncs));
  node->transport_ = std::move(options.transport);
  const std::chrono::milliseconds tick(options.member.heartbeat_interval_ms);
  PINTLE_RETURN_IF_ERROR(node->OpenMember(options));
  node->loop_ = std::make_unique<ReplicaLoop>(*node->member_, tick);
  node->loop_->Start();
  return node;
}

void ReplicaNode::HandOver(absl::Duration limit) {
  if (!member_->status().is_leader) return;
  spdlog::info("handing leadership over");
  // Shared: the answer may come after we have given up.
  const auto nobody_there = std::make_shared<std::atomic<bool>>(false);
  member_->driver().TransferLeadership(raft::kNoMember,
                                       [nobody_there](raft::TransferOutcome outcome) {
                                         *nobody_there = outcome != raft::TransferOutcome::kStarted;
                                       });
  const absl::Time deadline = clock_.Now() + limit;
  while (clock_.Now() < deadline) {
    const MemberStatus status = member_->status();
    const bool led_by_another = !status.is_leader && status.leader_id != 0;
    // Who is no member any more is not told who leads.
    const bool removed = !status.is_leader && !member_->is_member();
    if (led_by_another || removed || *nobody_there) return;
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kLook));
  }
  spdlog::warn("nobody has taken leadership over in time");
}

void ReplicaNode::WaitUntilAnswered(absl::Duration limit) {
  const absl::Time deadline = clock_.Now() + limit;
  while (member_->waiting() > 0 && clock_.Now() < deadline)
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kLook));
}

void ReplicaNode::MoveLeader(uint64_t target, absl::AnyInvocable<void(absl::Status)> done) {
  member_->driver().TransferLeadership(
      raft::MemberId(target), [done = std::move(done)](raft::TransferOutcome outcome) mutable {
        switch (outcome) {
          case raft::TransferOutcome::kStarted:
            return done(absl::OkStatus());
          case raft::TransferOutcome::kNotLeader:
            return done(ErrNotLeader());
          case raft::TransferOutcome::kNoTarget:
            return done(ErrBadLeaderTransferee());
        }
      });
}

void ReplicaNode::Stop() {
  if (member_ == nullptr) return;
  member_->Close();
  if (loop_ != nullptr) loop_->Stop();
  member_->AnswerWaiting();
}

}  // namespace pintle::server::replica

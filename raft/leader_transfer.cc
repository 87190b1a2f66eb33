// Leader, the part about handing over, and about snapshots to its peers.
#include <algorithm>
#include <tuple>

#include "base/fault_point.h"
#include "raft/leader.h"
#include "raft/membership.h"

namespace pintle::raft {

TransferOutcome Leader::TransferLeadership(Core& core, MemberId target) {
  if (target == kNoMember) target = BestSuccessor(core);
  const bool is_voter = IsVoter(core.configurations.in_force(), target) && target != core.id();
  if (target == kNoMember || !is_voter) return TransferOutcome::kNoTarget;
  if (!transfer_ || transfer_->target() != target) transfer_.emplace(target);
  base::FaultPoint("raft.transfer_started");
  return TransferOutcome::kStarted;
}

MemberId Leader::BestSuccessor(const Core& core) const {
  MemberId best = kNoMember;
  std::tuple<bool, bool, bool, Index> best_rank;
  // One that is on its way out can finish its own removal.
  for (const MemberId voter : core.quorum.voters()) {
    const auto found = peers_.find(voter);
    if (found == peers_.end()) continue;
    const Progress& progress = found->second.progress;
    const bool stays = std::ranges::binary_search(core.configurations.in_force().voters, voter);
    const bool serves = progress.state() == ProgressState::kReplicate &&
                        !progress.store_needs_snapshot() && !progress.doubtful();
    const std::tuple rank(serves, progress.recently_active(), stays, progress.match_index());
    if (best != kNoMember && rank <= best_rank) continue;
    best = voter;
    best_rank = rank;
  }
  return best;
}

bool Leader::CanTellSuccessor(const Core& core) const {
  if (!transfer_ || !transfer_->Due()) return false;
  const auto found = peers_.find(transfer_->target());
  return found != peers_.end() && found->second.progress.match_index() == core.log.last().index &&
         core.quorum.Contains(transfer_->target());
}

void Leader::TellSuccessor(Core& core) {
  core.Send(transfer_->target(), TimeoutNow{}, Durability::kNow);
  transfer_->Told();
}

Transition Leader::TickTransfer(Core& core) {
  const uint32_t limit = core.config.election_ticks;
  const Index persisted = core.log.persisted_index();
  // While the own disk hangs the others commit without us, but our memory fills, and we could not
  // do without one of them any more.
  if (own_disk_.Tick(persisted, core.log.commit_index(), limit) && !transfer_) {
    (void)TransferLeadership(core, kNoMember);
  }
  if (!transfer_ || !transfer_->Tick(limit)) return Transition::kStay;
  transfer_.reset();
  AppendHeld(core);
  const bool is_out = !core.promotable() && core.knows_commit_index() &&
                      core.configurations.index() <= core.log.commit_index();
  return is_out ? Transition::kStepDown : Transition::kStay;
}

void Leader::SnapshotSending(const Core& core, MemberId peer, Index index) {
  if (Progress* progress = Find(peer)) {
    progress->SnapshotSending(index, IsBehindLog(core, *progress));
  }
}

void Leader::SnapshotFailed(MemberId peer) {
  if (Progress* progress = Find(peer)) progress->SnapshotFailed();
}

bool Leader::HasSnapshotNeeds(const Core& core) const {
  return std::ranges::any_of(peers_, [&](const auto& entry) {
    const Progress& progress = entry.second.progress;
    return !entry.second.departing && progress.HasSnapshotNeed(IsBehindLog(core, progress));
  });
}

std::vector<MemberId> Leader::TakeSnapshotNeeds(const Core& core) {
  std::vector<MemberId> needs;
  for (auto& [id, peer] : peers_) {
    if (peer.departing) continue;
    if (peer.progress.TakeSnapshotNeed(IsBehindLog(core, peer.progress))) needs.push_back(id);
  }
  return needs;
}

Transition Leader::Handle(Core& core, const Message& envelope,
                          const InstallSnapshotResponse& response) {
  Progress* progress = Find(envelope.from);
  if (progress == nullptr) return Transition::kStay;
  progress->set_recently_active(true);
  if (response.done) progress->SnapshotInstalled();
  core.outbox.snapshot_messages.push_back(envelope);
  return Transition::kStay;
}

}  // namespace pintle::raft

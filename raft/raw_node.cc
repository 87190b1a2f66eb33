#include "raft/raw_node.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/check.h"
#include "base/fault_point.h"
#include "raft/raft.h"

namespace pintle::raft {

RawNode::RawNode(const Config& config, const RestoredState& restored, const LogStorage& log,
                 Random& random)
    : raft_(std::make_unique<Raft>(config, restored, log, random)),
      last_hard_state_(restored.hard_state),
      last_conf_index_(raft_->core().configurations.index()),
      last_conf_state_(raft_->core().configurations.in_force()),
      unapplied_(restored.applied_index) {}

RawNode::~RawNode() = default;

void RawNode::Tick() { raft_->Tick(); }
void RawNode::Step(const Message& message) { raft_->Step(message); }
ProposeResult RawNode::Propose(Payload payload) { return raft_->Propose(std::move(payload)); }
void RawNode::ReadIndex(ReadId id) { raft_->ReadIndex(id); }
void RawNode::ReportUnreachable(MemberId peer) { raft_->ReportUnreachable(peer); }
void RawNode::Campaign() { raft_->Campaign(); }
void RawNode::LeaderGone(MemberId peer) { raft_->LeaderGone(peer); }
bool RawNode::leader_gone() const { return raft_->leader_gone(); }

ConfChangeResult RawNode::ProposeConfChange(const ConfState& target, std::string_view context) {
  return raft_->ProposeConfChange(target, context);
}

TransferOutcome RawNode::TransferLeadership(MemberId target) {
  return raft_->TransferLeadership(target);
}

void RawNode::SnapshotSending(MemberId peer, Index index) { raft_->SnapshotSending(peer, index); }
void RawNode::SnapshotFailed(MemberId peer) { raft_->SnapshotFailed(peer); }

void RawNode::SendSnapshotMessage(MemberId peer, MessageBody body) {
  // What a member that no longer leads sends in the new term would be taken for its leader's.
  const bool leads = soft_state().role == Role::kLeader;
  if (std::holds_alternative<InstallSnapshot>(body) && !leads) return;
  raft_->core().Send(peer, std::move(body), Durability::kNow);
}

bool RawNode::WantsSnapshot(const SnapshotMeta& meta) const {
  return meta.last_entry.index > raft_->core().given_to_apply_index;
}

void RawNode::Restore(const SnapshotMeta& meta) {
  base::FaultPoint("raft.restore");
  raft_->Restore(meta);
  unapplied_ = ByteWindow(meta.last_entry.index);
}

void RawNode::RewindApply(Index applied) {
  Core& core = raft_->core();
  PINTLE_CHECK(applied <= core.log.commit_index(), "the store is ahead of what is committed");
  core.given_to_apply_index = applied;
  unapplied_ = ByteWindow(applied);
}

void RawNode::Persisted(ReadyNumber number) {
  PINTLE_CHECK(number <= last_number_, "a Ready that was never taken is reported durable");
  Core& core = raft_->core();
  while (!in_flight_.empty() && in_flight_.front().number <= number) {
    core.durable_hard_state = in_flight_.front().hard_state;
    in_flight_.pop_front();
  }
  core.Persisted(number);
  raft_->Persisted();
}

void RawNode::AppliedUpTo(Index index) {
  PINTLE_CHECK(index <= raft_->core().given_to_apply_index, "applied what was not given to apply");
  unapplied_.ReleaseTo(index);
}

HardState RawNode::CurrentHardState() const {
  const Core& core = raft_->core();
  return {core.hard_state.term, core.hard_state.vote, core.log.commit_index(),
          core.hard_state.vote_floor};
}

IndexRange RawNode::ToApply() const {
  const Core& core = raft_->core();
  const bool full = unapplied_.bytes() >= core.config.max_unapplied_bytes;
  if (full || core.store_behind_log()) return {Index{1}, Index{0}};
  return {core.given_to_apply_index + 1, core.log.commit_index()};
}

bool RawNode::HasReady() const {
  const Core& core = raft_->core();
  return !core.outbox.empty() || core.log.HasNew() || raft_->WantsFlush() || !ToApply().empty() ||
         CurrentHardState() != last_hard_state_ || soft_state() != last_soft_state_ ||
         ConfChanged();
}

Ready RawNode::TakeReady() {
  raft_->Flush();
  Core& core = raft_->core();
  Ready ready;
  ready.number = ++last_number_;
  ready.log_base = std::exchange(core.outbox.log_base, std::nullopt);
  core.log.HandOut(ready.number, ready.entries);
  const HardState now = CurrentHardState();
  ready.must_sync = !ready.entries.empty() || ready.log_base.has_value() ||
                    now.term != last_hard_state_.term || now.vote != last_hard_state_.vote ||
                    now.vote_floor != last_hard_state_.vote_floor;
  if (now != last_hard_state_) ready.hard_state = last_hard_state_ = now;
  if (ready.hard_state && PINTLE_CANARY("vote_not_persisted")) ready.hard_state->vote = kNoMember;
  if (ready.must_sync) in_flight_.push_back({ready.number, now});
  ready.messages_now = std::exchange(core.outbox.now, {});
  ready.messages_after_persist = std::exchange(core.outbox.after_persist, {});
  ready.read_states = std::exchange(core.outbox.read_states, {});
  ready.dropped_reads = std::exchange(core.outbox.dropped_reads, {});
  ready.snapshot_messages = std::exchange(core.outbox.snapshot_messages, {});
  ready.peers_need_snapshot = raft_->TakeSnapshotNeeds();
  TakeCommitted(ready);
  if (ConfChanged()) {
    last_conf_index_ = core.configurations.index();
    ready.conf_state = last_conf_state_ = core.configurations.in_force();
  }
  if (const SoftState soft = soft_state(); soft != last_soft_state_) {
    ready.soft_state = last_soft_state_ = soft;
  }
  return ready;
}

void RawNode::TakeCommitted(Ready& ready) {
  const IndexRange range = ToApply();
  if (range.empty()) return;
  Core& core = raft_->core();
  const size_t budget = core.config.max_unapplied_bytes - unapplied_.bytes();
  core.log.Read(range, budget, ready.committed_entries);
  for (const Entry& entry : ready.committed_entries) unapplied_.Push(entry.cost_bytes());
  core.given_to_apply_index = ready.committed_entries.back().id.index;
}

SoftState RawNode::soft_state() const { return raft_->soft_state(); }
MemberId RawNode::id() const { return raft_->core().id(); }
Term RawNode::term() const { return raft_->core().term(); }
Index RawNode::commit_index() const { return raft_->core().log.commit_index(); }

EntryId RawNode::last_entry() const { return raft_->core().log.last(); }
Index RawNode::persisted_index() const { return raft_->core().log.persisted_index(); }
Index RawNode::first_index() const { return raft_->core().log.first_index(); }
const ConfState& RawNode::conf_state() const { return raft_->core().configurations.in_force(); }
Index RawNode::conf_index() const { return raft_->core().configurations.index(); }
EntryId RawNode::vote_floor() const { return raft_->core().hard_state.vote_floor; }
bool RawNode::store_behind_log() const { return raft_->core().store_behind_log(); }

bool RawNode::ConfChanged() const {
  const Configurations& now = raft_->core().configurations;
  return now.index() != last_conf_index_ || now.in_force() != last_conf_state_;
}

std::optional<Term> RawNode::TermAt(Index index) const { return raft_->core().log.TermAt(index); }

void RawNode::ReadLog(IndexRange range, std::vector<Entry>& out) const {
  raft_->core().log.Read(range, SIZE_MAX, out);
}

Status RawNode::GetStatus() const {
  const Core& core = raft_->core();
  const SoftState soft = soft_state();
  Status status;
  status.id = core.id();
  status.role = soft.role;
  status.term = core.term();
  status.vote = core.hard_state.vote;
  status.leader = soft.leader;
  status.commit_index = core.log.commit_index();
  status.persisted_index = core.log.persisted_index();
  status.applied_index = unapplied_.released();
  status.first_index = core.log.first_index();
  status.last_entry = core.log.last();
  status.voters = core.quorum.voters();
  status.conf_state = core.configurations.in_force();
  status.conf_index = core.configurations.index();
  status.vote_floor = core.hard_state.vote_floor;
  status.doubtful = core.doubtful();
  status.store_behind_log = core.store_behind_log();
  status.transfer_target = raft_->transfer_target();
  status.peers = raft_->PeerStatuses();
  return status;
}

}  // namespace pintle::raft

#include "raft/raw_node.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/raft.h"

namespace pintle::raft {

RawNode::RawNode(const Config& config, const RestoredState& restored, const LogStorage& log,
                 Random& random)
    : raft_(std::make_unique<Raft>(config, restored, log, random)),
      last_hard_state_(restored.hard_state),
      given_to_apply_index_(restored.applied_index),
      unapplied_(restored.applied_index) {}

RawNode::~RawNode() = default;

void RawNode::Tick() { raft_->Tick(); }
void RawNode::Step(const Message& message) { raft_->Step(message); }
ProposeResult RawNode::Propose(Payload payload) { return raft_->Propose(std::move(payload)); }
void RawNode::ReadIndex(ReadId id) { raft_->ReadIndex(id); }
void RawNode::ReportUnreachable(MemberId peer) { raft_->ReportUnreachable(peer); }
void RawNode::Campaign() { raft_->Campaign(); }

void RawNode::Persisted(ReadyNumber number) {
  PINTLE_CHECK(number <= last_number_, "a Ready that was never taken is reported durable");
  Core& core = raft_->core();
  while (!in_flight_.empty() && in_flight_.front().number <= number) {
    core.durable_hard_state = in_flight_.front().hard_state;
    in_flight_.pop_front();
  }
  core.log.Persisted(number);
  raft_->Persisted();
}

void RawNode::AppliedUpTo(Index index) {
  PINTLE_CHECK(index <= given_to_apply_index_, "applied what was not given to apply");
  unapplied_.ReleaseTo(index);
}

HardState RawNode::CurrentHardState() const {
  const Core& core = raft_->core();
  return {core.hard_state.term, core.hard_state.vote, core.log.commit_index()};
}

IndexRange RawNode::ToApply() const {
  const Core& core = raft_->core();
  if (unapplied_.bytes() >= core.config.max_unapplied_bytes) return {Index{1}, Index{0}};
  // Committed by the others is not enough: what apply has seen must be found again in our own WAL.
  const Index last = std::min(core.log.commit_index(), core.log.persisted_index());
  return {given_to_apply_index_ + 1, last};
}

bool RawNode::HasReady() const {
  const Core& core = raft_->core();
  return !core.outbox.empty() || core.log.HasNew() || raft_->WantsFlush() || !ToApply().empty() ||
         CurrentHardState() != last_hard_state_ || soft_state() != last_soft_state_;
}

Ready RawNode::TakeReady() {
  raft_->Flush();
  Core& core = raft_->core();
  Ready ready;
  ready.number = ++last_number_;
  core.log.HandOut(ready.number, ready.entries);
  const HardState now = CurrentHardState();
  ready.must_sync = !ready.entries.empty() || now.term != last_hard_state_.term ||
                    now.vote != last_hard_state_.vote;
  if (now != last_hard_state_) ready.hard_state = last_hard_state_ = now;
  if (ready.must_sync) in_flight_.push_back({ready.number, now});
  ready.messages_now = std::exchange(core.outbox.now, {});
  ready.messages_after_persist = std::exchange(core.outbox.after_persist, {});
  ready.read_states = std::exchange(core.outbox.read_states, {});
  ready.dropped_reads = std::exchange(core.outbox.dropped_reads, {});
  TakeCommitted(ready);
  if (const SoftState soft = soft_state(); soft != last_soft_state_) {
    ready.soft_state = last_soft_state_ = soft;
  }
  return ready;
}

void RawNode::TakeCommitted(Ready& ready) {
  const IndexRange range = ToApply();
  if (range.empty()) return;
  const Core& core = raft_->core();
  const size_t budget = core.config.max_unapplied_bytes - unapplied_.bytes();
  core.log.Read(range, budget, ready.committed_entries);
  for (const Entry& entry : ready.committed_entries) unapplied_.Push(entry.cost_bytes());
  given_to_apply_index_ = ready.committed_entries.back().id.index;
}

SoftState RawNode::soft_state() const { return raft_->soft_state(); }
Term RawNode::term() const { return raft_->core().term(); }
Index RawNode::commit_index() const { return raft_->core().log.commit_index(); }

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
  status.peers = raft_->PeerStatuses();
  return status;
}

}  // namespace pintle::raft

#include "raft/follower.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/check.h"
#include "raft/membership.h"

namespace pintle::raft {
namespace {

// Without a gap behind `previous`, terms never falling and none from the future, conf changes
// readable: anything else is not from a leader.
bool IsWellFormed(const AppendEntries& append, Term term) {
  EntryId last = append.previous;
  for (const Entry& entry : append.entries) {
    if (entry.id.index != last.index + 1 || entry.id.term < last.term) return false;
    ConfChange change;
    if (entry.kind == EntryKind::kConfChange && !DecodeConfChange(entry.bytes(), change)) {
      return false;
    }
    last = entry.id;
  }
  return last.term <= term;
}

// An acknowledgement promises that what it speaks of is on our disk.
void Acknowledge(Core& core, MemberId leader, Index match_index) {
  const AppendEntriesResponse response{.match_index = match_index,
                                       .needs_snapshot = core.store_behind_log()};
  core.Send(leader, response,
            PINTLE_CANARY("ack_not_durable") ? Durability::kNow : Durability::kAfterPersist);
}

}  // namespace

Follower::Follower(Core& core, MemberId leader)
    : leader_(leader), timeout_ticks_(core.RandomElectionTimeout()), reads_(core.config) {}

bool Follower::InLease(const Core& core) const {
  return leader() != kNoMember && elapsed_ticks_ < core.config.election_ticks;
}

void Follower::Follow(Core&, MemberId leader) {
  PINTLE_CHECK(leader_ == kNoMember || leader_ == leader, "two leaders in one term");
  leader_ = leader;
  leader_gone_ = false;
  elapsed_ticks_ = 0;
}

void Follower::LeaderGone(MemberId peer) {
  if (leader_ != kNoMember && leader_ == peer) leader_gone_ = true;
}

void Follower::SnapshotRestored(Core& core, Index index) {
  if (leader_ != kNoMember) Acknowledge(core, leader_, index);
}

Transition Follower::Tick(Core& core) {
  core.outbox.Drop(reads_.TakeExpired());
  if (elapsed_ticks_ < timeout_ticks_) ++elapsed_ticks_;
  // Who may not campaign does not begin anew: a leader that is silent is protected no longer. A
  // learner's vote may be what a configuration that it does not hold yet is waiting for.
  if (elapsed_ticks_ < timeout_ticks_ || !core.promotable()) return Transition::kStay;
  elapsed_ticks_ = 0;
  return Transition::kPreCampaign;
}

ProposeResult Follower::Propose(Core& core, Payload payload) {
  if (leader() == kNoMember) return {ProposeOutcome::kNoLeader, {}};
  const size_t bytes = (payload ? payload->size() : 0) + Entry::kOverheadBytes;
  if (forward_bytes_ + bytes > core.config.max_append_bytes) FlushForwards(core);
  forwards_.push_back(std::move(payload));
  forward_bytes_ += bytes;
  return {ProposeOutcome::kForwarded, {}};
}

void Follower::ReadIndex(Core& core, ReadId id) {
  if (leader() == kNoMember || !reads_.Add(id)) core.outbox.Drop({id});
}

void Follower::FlushForwards(Core& core) {
  if (forwards_.empty()) return;
  core.Send(leader_, ForwardedProposal{core.NextRequest(), std::move(forwards_)}, Durability::kNow);
  forwards_.clear();
  forward_bytes_ = 0;
}

void Follower::Flush(Core& core) {
  FlushForwards(core);
  if (!reads_.HasGathered()) return;
  const RequestId id = core.NextRequest();
  reads_.Asked(id);
  core.Send(leader_, ReadIndexRequest{id}, Durability::kNow);
}

void Follower::End(Core& core) {
  FlushForwards(core);
  core.outbox.Drop(reads_.All());
}

// Thesis §3.5.
Transition Follower::Handle(Core& core, const Message& envelope, const AppendEntries& append) {
  if (!IsWellFormed(append, core.term())) return Transition::kStay;
  RaftLog& log = core.log;
  if (append.previous.index < log.commit_index()) {
    // Late: all that it could say up to here is committed, so it is equal.
    Acknowledge(core, envelope.from, log.commit_index());
    return Transition::kStay;
  }
  if (!log.Has(append.previous)) {
    const EntryId hint = log.LastPossibleMatch(append.previous);
    const AppendEntriesResponse refusal{.rejected = true,
                                        .rejected_index = append.previous.index,
                                        .hint = hint,
                                        .lost = core.lost(),
                                        .needs_snapshot = core.store_behind_log()};
    core.Send(envelope.from, refusal, Durability::kNow);
    return Transition::kStay;
  }
  core.Merge(append.previous, append.entries);
  const Index last_agreed = append.previous.index + append.entries.size();
  core.CommitTo(std::min(append.commit_index, last_agreed));
  Acknowledge(core, envelope.from, last_agreed);
  return Transition::kStay;
}

Transition Follower::Handle(Core& core, const Message& envelope, const Heartbeat& heartbeat) {
  // The leader never sends an index beyond what we have acknowledged. What we have lost of that
  // since (a damaged disk) is cut off.
  core.CommitTo(heartbeat.commit_index);
  core.Send(envelope.from,
            HeartbeatResponse{heartbeat.read_round, core.lost(), core.store_behind_log()},
            Durability::kNow);
  return Transition::kStay;
}

Transition Follower::Handle(Core& core, const Message& envelope,
                            const ReadIndexResponse& response) {
  if (envelope.from != leader_) return Transition::kStay;
  for (const ReadId id : reads_.TakeAnswered(response.id)) {
    core.outbox.read_states.push_back({id, response.read_index});
  }
  return Transition::kStay;
}

Transition Follower::Handle(Core& core, const Message& envelope, const InstallSnapshot&) {
  core.outbox.snapshot_messages.push_back(envelope);
  return Transition::kStay;
}

// Thesis §3.10.
Transition Follower::Handle(Core& core, const Message&, const TimeoutNow&) {
  if (!core.promotable()) return Transition::kStay;
  // A leader that asks this has nobody better, and may be unable to serve for ever: under it no
  // entry of a later term comes, nor does anybody ask for votes.
  return core.doubtful() ? Transition::kSurveyForLeader : Transition::kCampaignForLeader;
}

}  // namespace pintle::raft

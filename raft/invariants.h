// InvariantChecker: what must hold in a cluster at every moment, looked at from outside.
//
// The owner (script tests, soak, simulator) shows it everything that happens, in order: each member
// after each event, each message when it is sent, each durable log, each applied entry. It answers
// with the first broken rule, in words.
//
//   election safety       one leader per term, ever; one vote per member and term, ever, across
//                         crashes; a leader has the votes of a quorum, learners and doubtful
//                         members' own votes not counted
//   leader append-only    a leader's log only grows
//   log matching          an entry id names one entry with one predecessor, wherever it is
//   leader completeness   a leader has everything that was committed in earlier terms
//   durable quorum        the commit index moves only over what a quorum of a configuration in
//                         force since the member was last looked at has, or had before its disk was
//                         damaged, on its disks; a leader moves it only to an entry of its own term
//   state-machine safety  one entry per index is applied, everywhere; only committed ones, without
//                         gaps
//   monotony              term and commit index never go back while a member runs
//   promises              what a member acknowledges, and the vote it gives, is on its disk by then
//   membership            a leader appends a configuration only when the one before is committed
//                         and an entry of its own term is, and only one whose quorums intersect
//                         with those of the one before
//   vote floors           a damaged disk that has forgotten has a floor; votes are not given below
//                         it; it sinks only to what all others have said they hold
//   snapshots             stand for what is committed, with the configuration as of then
//
// Not covered: liveness, and linearizability of reads (the owner knows when they began).
// Thread: one. Cost: of a call, what has changed since the last one; so it may be called after
// every event. Memory: what lies behind the shortest log. Not meant for production.
// Source: thesis figure 3.2; LogCabin RaftConsensusInvariants.cc.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "raft/log_storage.h"
#include "raft/message.h"
#include "raft/observed_history.h"
#include "raft/raw_node.h"
#include "raft/seen_log.h"

namespace pintle::raft {

class InvariantChecker {
 public:
  explicit InvariantChecker(std::vector<MemberId> voters)
      : InvariantChecker(ConfState{std::move(voters)}) {}
  // The configuration before the first entry.
  explicit InvariantChecker(ConfState initial) : history_(std::move(initial)) {}

  // The member's disk has just become this (call before the messages that wait for it are sent).
  absl::Status ObserveDisk(MemberId member, const HardState& hard_state, const LogStorage& log);
  // The next ObserveDisk of this member shows less than it had promised: its disk was damaged.
  void ObserveDamage(MemberId member);
  absl::Status ObserveSent(const Message& message);
  absl::Status ObserveApplied(MemberId member, std::span<const Entry> entries);
  // After any input to the member.
  absl::Status ObserveMember(const RawNode& node);
  // A snapshot is the member's store now. Before RawNode::Restore.
  absl::Status ObserveRestored(MemberId member, const SnapshotMeta& meta);
  // The member starts again from its disk, and apply from behind `applied_index`.
  void ObserveRestart(MemberId member, Index applied_index);
  // Apply goes back to behind `applied_index` (RawNode::RewindApply).
  void ObserveRewind(MemberId member, Index applied_index) { applied_[member] = applied_index; }
  // The member never comes back, and its disks do not count any more.
  void ObserveGone(MemberId member);

 private:
  struct Disk {
    HardState hard_state;
    SeenLog log;
    // Before the last damage: what it had promised.
    SeenLog promised;
    bool damaged = false;
    // While it is doubtful: the least that each other member has said to hold.
    std::map<MemberId, EntryId> told;

    bool doubtful() const { return hard_state.vote_floor > log.last(); }
  };
  struct Seen {
    Term term;
    Index commit_index;
    Role role = Role::kFollower;
    SeenLog log;
    Index conf_index;
    ConfState conf_state;
  };

  absl::Status CheckElection(const RawNode& node, const Seen& seen);
  absl::Status CheckMonotony(const RawNode& node, const Seen& seen);
  // Takes over what is new in the member's log.
  absl::Status CheckLog(const RawNode& node, Seen& seen);
  absl::Status MoveBase(const RawNode& node, SeenLog& log);
  absl::Status CheckNewConf(const RawNode& node, const Seen& seen, const Entry& entry);
  absl::Status CheckCommit(const RawNode& node, const Seen& seen);
  absl::Status CheckQuorum(const RawNode& node, const Seen& seen, Index commit);
  std::vector<ConfState> ConfsInForce(const RawNode& node, const Seen& seen, Index commit) const;
  absl::Status CheckFloor(MemberId member, const HardState& before);
  absl::Status CheckVote(const Message& message, MemberId vote);
  void NoteAnswer(const Message& message, const RequestVoteResponse& response);
  void ForgetWhatNobodyHolds();
  bool OnDisk(MemberId member, EntryId id) const;

  ObservedHistory history_;
  std::map<Term, MemberId> leaders_;
  std::map<Term, std::map<MemberId, MemberId>> votes_;      // term, voter: candidate
  std::map<Term, std::map<MemberId, EntryId>> candidates_;  // term, candidate: its last entry
  std::map<MemberId, Disk> disks_;
  std::map<MemberId, Seen> members_;
  std::map<MemberId, Index> applied_;
};

}  // namespace pintle::raft

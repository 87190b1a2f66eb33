// InvariantChecker: what must hold in a cluster at every moment, looked at from outside.
//
// The owner (script tests, soak, simulator) shows it everything that happens, in order: each member
// after each event, each message when it is sent, each durable log, each applied entry. It answers
// with the first broken rule, in words.
//
//   election safety         one leader per term, ever; one vote per member and term, ever, across
//   crashes leader append-only      a leader's log only grows log matching            an entry id
//   names one entry with one predecessor, wherever it is leader completeness     a leader has
//   everything that was committed in earlier terms durable quorum          the commit index moves
//   only over what a majority has on its disks state-machine safety    one entry per index is
//   applied, everywhere; only committed and durable ones, without gaps monotony                term
//   and commit index never go back while a member runs promises                what a member
//   acknowledges, and the vote it gives, is on its disk by then
//
// Not covered: liveness, and linearizability of reads (the owner knows when they began).
// Thread: one. Memory: grows with the history. Not meant for production.
// Source: thesis figure 3.2; LogCabin RaftConsensusInvariants.cc.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "raft/log_storage.h"
#include "raft/message.h"
#include "raft/raw_node.h"

namespace pintle::raft {

class InvariantChecker {
 public:
  explicit InvariantChecker(std::vector<MemberId> voters);

  // The member's disk has just become this (call before the messages that wait for it are sent).
  absl::Status ObserveDisk(MemberId member, const HardState& hard_state, const LogStorage& log);
  absl::Status ObserveSent(const Message& message);
  absl::Status ObserveApplied(MemberId member, std::span<const Entry> entries);
  // After any input to the member.
  absl::Status ObserveMember(const RawNode& node);
  // The member starts again from its disk, and apply from behind `applied_index`.
  void ObserveRestart(MemberId member, Index applied_index);

 private:
  struct Disk {
    HardState hard_state;
    std::vector<EntryId> log;  // log[i] has index i + 1
  };
  struct Seen {
    Term term;
    Index commit_index;
    Role role = Role::kFollower;
    std::vector<EntryId> log;
  };
  struct Origin {
    EntryId previous;
    Entry entry;
  };
  struct Committed {
    EntryId id;
    Term in_term;  // of the member that was first seen to have committed it
  };

  absl::Status CheckElection(const Status& status, Seen& seen);
  absl::Status CheckMonotony(const Status& status, Seen& seen);
  // Takes over what is new in the member's log.
  absl::Status CheckLog(const RawNode& node, const Status& status, Seen& seen);
  absl::Status CheckEntry(const Entry& entry, EntryId previous);
  absl::Status CheckCommit(const Status& status, const Seen& seen);
  absl::Status CheckCompleteness(const Status& status, const Seen& seen) const;
  bool OnDisk(MemberId member, EntryId id) const;

  std::vector<MemberId> voters_;
  std::map<Term, MemberId> leaders_;
  std::map<std::pair<MemberId, Term>, MemberId> votes_;
  std::map<EntryId, Origin> entries_;
  std::vector<Committed> committed_;  // committed_[i] has index i + 1
  std::map<MemberId, Disk> disks_;
  std::map<MemberId, Seen> members_;
  std::map<MemberId, Index> applied_;
};

}  // namespace pintle::raft

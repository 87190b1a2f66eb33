// Leader: appends, replicates, commits, confirms reads; gives up its role when it no longer hears a
// quorum.
//
// Its parts: leader.cc (log, commit, reads), leader_membership.cc (changes of members, who is a
// peer), leader_transfer.cc (hand-over, snapshots).
//
// Nothing is sent when an input comes in; Flush sends what all inputs together call for, so that
// proposals that came in together travel together. Ignores: votes (the term rules in raft.cc have
// dealt with them) and answers to what it asked as a follower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "raft/byte_window.h"
#include "raft/core.h"
#include "raft/message.h"
#include "raft/progress.h"
#include "raft/read_index.h"
#include "raft/seen_requests.h"
#include "raft/status.h"
#include "raft/transfer.h"

namespace pintle::raft {

class Leader {
 public:
  // Appends the no-op (thesis §6.4: nothing is read before an entry of the own term is committed).
  explicit Leader(Core& core);

  Transition Tick(Core& core);
  ProposeResult Propose(Core& core, Payload payload);
  void ReadIndex(Core& core, ReadId id);
  // Our own disk has more: it counts like a follower's acknowledgement (thesis §10.2.1).
  Transition OwnLogDurable(Core& core) { return CommitByQuorum(core); }
  void ReportUnreachable(MemberId peer);

  ConfChangeResult ProposeConfChange(Core& core, const ConfState& target, std::string_view context);
  // kNoMember: to the best one.
  TransferOutcome TransferLeadership(Core& core, MemberId target);
  MemberId transfer_target() const { return transfer_ ? transfer_->target() : kNoMember; }
  void SnapshotSending(const Core& core, MemberId peer, Index index);
  void SnapshotFailed(MemberId peer);
  bool HasSnapshotNeeds(const Core& core) const;
  std::vector<MemberId> TakeSnapshotNeeds(const Core& core);

  // Starts a round of reads, answers confirmed ones, and sends what is due to each peer.
  void Flush(Core& core);
  bool WantsFlush(const Core& core) const;
  void End(Core& core) { core.outbox.Drop(reads_.OwnReads()); }

  Transition Handle(Core& core, const Message& envelope, const AppendEntriesResponse& response);
  Transition Handle(Core& core, const Message& envelope, const HeartbeatResponse& response);
  Transition Handle(Core& core, const Message& envelope, const ForwardedProposal& proposal);
  Transition Handle(Core& core, const Message& envelope, const ReadIndexRequest& request);
  Transition Handle(Core& core, const Message& envelope, const InstallSnapshotResponse& response);
  template <typename Body>
  Transition Handle(Core&, const Message&, const Body&) {
    return Transition::kStay;
  }

  std::vector<PeerStatus> PeerStatuses(const Core& core) const;

 private:
  // A peer that has left the configuration is still told so, for a while.
  struct Peer {
    Progress progress;
    bool departing = false;
    uint32_t departing_ticks = 0;
  };

  // nullptr: not a peer.
  Progress* Find(MemberId peer);
  Transition CheckQuorum(Core& core);
  EntryId Append(Core& core, EntryKind kind, Payload payload);
  Transition CommitByQuorum(Core& core);

  // ---- Membership ----
  EntryId AppendConf(Core& core, const ConfState& conf_state, std::string_view context);
  // Peers are the members in force, and those that have just left.
  void SyncPeers(const Core& core, bool added);
  void TickDepartures(const Core& core);
  // Finishes a joint configuration that is committed, and gives up if the final one is without us.
  Transition AfterCommit(Core& core);

  // ---- Transfer ----
  Transition TickTransfer(Core& core);
  // The voter that is most up to date; kNoMember: there is no other.
  MemberId BestSuccessor(const Core& core) const;
  bool CanTellSuccessor(const Core& core) const;
  void TellSuccessor(Core& core);

  bool IsBehindLog(const Core& core, const Progress& progress) const;
  void BroadcastHeartbeat(Core& core);
  // Reads wait until the leader knows what was committed before it.
  bool CanStartReads(const Core& core) const;
  void AnswerConfirmedReads(Core& core);
  // A message is due and its `previous` is still held.
  bool CanSendAppend(const Core& core, const Progress& progress) const;
  void SendAppend(Core& core, MemberId to, Progress& progress);
  // As much of it as can be appended now.
  void AppendHeld(Core& core);

  std::map<MemberId, Peer> peers_;  // without itself
  uint32_t election_elapsed_ticks_ = 0;
  uint32_t heartbeat_elapsed_ticks_ = 0;
  ByteWindow uncommitted_;
  LeaderReads reads_;
  std::optional<Transfer> transfer_;
  StallWatch own_disk_;
  std::map<MemberId, SeenRequests> forwarded_;
  // Forwarded, and not appended yet: we are handing over (and may give that up), or too much is
  // uncommitted. Ends with the role.
  std::deque<Payload> held_;
  size_t held_bytes_ = 0;
};

}  // namespace pintle::raft

// Leader: appends, replicates, commits, confirms reads; gives up its role when it no longer hears a
// quorum.
//
// Nothing is sent when an input comes in; Flush sends what all inputs together call for, so that
// proposals that came in together travel together. Ignores: votes (the term rules in raft.cc have
// dealt with them) and answers to what it asked as a follower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "raft/byte_window.h"
#include "raft/core.h"
#include "raft/message.h"
#include "raft/progress.h"
#include "raft/read_index.h"
#include "raft/status.h"

namespace pintle::raft {

class Leader {
 public:
  // Appends the no-op (thesis §6.4: nothing is read before an entry of the own term is committed).
  explicit Leader(Core& core);

  Transition Tick(Core& core);
  ProposeResult Propose(Core& core, Payload payload);
  void ReadIndex(Core& core, ReadId id);
  // Our own disk has more: it counts like a follower's acknowledgement (thesis §10.2.1).
  void OwnLogDurable(Core& core) { CommitByQuorum(core); }
  void ReportUnreachable(MemberId peer);

  // Starts a round of reads, answers confirmed ones, and sends what is due to each peer.
  void Flush(Core& core);
  bool WantsFlush(const Core& core) const;
  void End(Core& core) { core.outbox.Drop(reads_.OwnReads()); }

  Transition Handle(Core& core, const Message& envelope, const AppendEntriesResponse& response);
  Transition Handle(Core& core, const Message& envelope, const HeartbeatResponse& response);
  Transition Handle(Core& core, const Message& envelope, const ForwardedProposal& proposal);
  Transition Handle(Core& core, const Message& envelope, const ReadIndexRequest& request);
  template <typename Body>
  Transition Handle(Core&, const Message&, const Body&) {
    return Transition::kStay;
  }

  std::vector<PeerStatus> PeerStatuses(const Core& core) const;

 private:
  Transition CheckQuorum(Core& core);
  EntryId Append(Core& core, EntryKind kind, Payload payload);
  void CommitByQuorum(Core& core);
  void BroadcastHeartbeat(Core& core);
  // Reads wait until the leader knows what was committed before it.
  bool CanStartReads(const Core& core) const;
  void AnswerConfirmedReads(Core& core);
  // A message is due and its `previous` is still held.
  bool CanSendAppend(const Core& core, const Progress& progress) const;
  void SendAppend(Core& core, MemberId to, Progress& progress);
  // False: seen before in this term.
  bool IsNewRequest(MemberId from, RequestId id);

  std::map<MemberId, Progress> peers_;  // without itself
  uint32_t election_elapsed_ticks_ = 0;
  uint32_t heartbeat_elapsed_ticks_ = 0;
  ByteWindow uncommitted_;
  LeaderReads reads_;
  // The last request of each incarnation of each peer that has forwarded in this term.
  std::map<MemberId, std::vector<RequestId>> forwarded_;
};

}  // namespace pintle::raft

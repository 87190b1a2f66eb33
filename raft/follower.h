// Follower: obeys the leader of its term, if it knows one; campaigns when none is heard.
//
// Ignores (by the template at the end): answers to what it asked in another role, and requests that
// only a leader can serve.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "raft/core.h"
#include "raft/message.h"
#include "raft/read_index.h"
#include "raft/status.h"

namespace pintle::raft {

class Follower {
 public:
  Follower(Core& core, MemberId leader);

  // kNoMember while it is known to be gone, too.
  MemberId leader() const { return leader_gone_ ? kNoMember : leader_; }
  // Leader stickiness (thesis §6.2, §9.6): heard from a leader within the shortest election
  // timeout, so no vote for anybody of a later term.
  bool InLease(const Core& core) const;
  // A voter that has just promised its vote gives the candidate time.
  void VoteGranted() { elapsed_ticks_ = 0; }
  // A message of this term's leader.
  void Follow(Core& core, MemberId leader);
  // `peer`'s process is gone. If it leads, nothing holds us back from electing another, until it is
  // heard again.
  void LeaderGone(MemberId peer);
  bool leader_gone() const { return leader_gone_; }
  // The store has just been installed from a snapshot: acknowledges it, when durable.
  void SnapshotRestored(Core& core, Index index);

  Transition Tick(Core& core);
  ProposeResult Propose(Core& core, Payload payload);
  void ReadIndex(Core& core, ReadId id);
  // Writes what was gathered to the outbox.
  void Flush(Core& core);
  bool WantsFlush() const { return !forwards_.empty() || reads_.HasGathered(); }
  // Before the role ends.
  void End(Core& core);

  Transition Handle(Core& core, const Message& envelope, const AppendEntries& append);
  Transition Handle(Core& core, const Message& envelope, const Heartbeat& heartbeat);
  Transition Handle(Core& core, const Message& envelope, const ReadIndexResponse& response);
  Transition Handle(Core& core, const Message& envelope, const InstallSnapshot& piece);
  Transition Handle(Core& core, const Message& envelope, const TimeoutNow& request);
  template <typename Body>
  Transition Handle(Core&, const Message&, const Body&) {
    return Transition::kStay;
  }

 private:
  void FlushForwards(Core& core);

  MemberId leader_;
  bool leader_gone_ = false;
  uint32_t elapsed_ticks_ = 0;
  uint32_t timeout_ticks_;
  std::vector<Payload> forwards_;
  size_t forward_bytes_ = 0;
  FollowerReads reads_;
};

}  // namespace pintle::raft

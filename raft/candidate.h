// Candidate: counts votes. A pre-candidate (thesis §9.6) only asks whether it would get them, in
// the term after its own, and changes nothing anywhere; a candidate has begun that term and voted
// for itself.
//
// Ignores: answers to what it asked in another role, and requests that only a leader can serve.
// What this term's leader sends makes it a follower first (raft.cc), so it never gets here.
#pragma once

#include <cstdint>
#include <map>

#include "raft/core.h"
#include "raft/message.h"
#include "raft/status.h"
#include "raft/vote_floor.h"

namespace pintle::raft {

class Candidate {
 public:
  // Sends the requests. For a candidate, core's term is the new one and the vote its own.
  // `for_leader`: the leader hands over.
  Candidate(Core& core, bool pre_vote, bool for_leader = false);

  bool pre_vote() const { return pre_vote_; }

  // Our own vote counts like any other: when it is durable. A pre-vote is no promise and counts at
  // once. Neither counts while we are doubtful (vote_floor.h).
  Transition OwnVoteDurable(Core& core);

  Transition Tick(Core& core);
  ProposeResult Propose(Core&, const Payload&) { return {ProposeOutcome::kNoLeader, {}}; }
  void ReadIndex(Core& core, ReadId id) { core.outbox.Drop({id}); }
  void Flush(Core&) {}
  bool WantsFlush() const { return false; }
  void End(Core&) {}

  Transition Handle(Core& core, const Message& envelope, const RequestVoteResponse& response);
  template <typename Body>
  Transition Handle(Core&, const Message&, const Body&) {
    return Transition::kStay;
  }

 private:
  // The first answer of a voter counts.
  Transition Count(Core& core, MemberId voter, bool granted);
  // While we are doubtful: lowers the floor when all others have told what they hold.
  Transition Survey(Core& core, MemberId voter, EntryId intact_last);

  bool pre_vote_;
  uint32_t elapsed_ticks_ = 0;
  uint32_t timeout_ticks_;
  std::map<MemberId, bool> votes_;
  FloorSurvey survey_;
};

}  // namespace pintle::raft

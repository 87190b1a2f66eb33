// The vote floor: how a member votes that may have forgotten what it has acknowledged.
//
// HardState::vote_floor names the last entry that a damaged or torn WAL may have held. While the
// log ends before it the member is doubtful:
//   - it grants votes and pre-votes only to candidates whose last entry reaches the floor;
//   - it may campaign with what it really holds, but does not count its own vote;
//   - as a follower it is like any other.
// The floor goes when the durable log reaches it, or holds an entry of a later term (leader
// completeness: then the leader of that term has decided about it). When all other voters have
// said in one round of pre-votes what they really hold, the floor sinks to the largest of that:
// nobody holds more, so it was never committed, or all its copies are gone and nobody can be asked.
// A member that is the only voter has nobody to ask and ignores its floor; its owner has told the
// operator what was dropped.
//
// FloorSurvey collects those answers. Pure; lives as long as one round.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "raft/quorum.h"
#include "raft/types.h"

namespace pintle::raft {

class FloorSurvey {
 public:
  void Answered(MemberId voter, EntryId intact_last) { answers_[voter] = intact_last; }

  // The largest entry that any voter but `self` holds, once all of them have answered.
  std::optional<EntryId> Highest(const Quorum& quorum, MemberId self) const {
    EntryId highest;
    for (const MemberId voter : quorum.voters()) {
      if (voter == self) continue;
      const auto answer = answers_.find(voter);
      if (answer == answers_.end()) return std::nullopt;
      highest = std::max(highest, answer->second);
    }
    return highest;
  }

 private:
  std::map<MemberId, EntryId> answers_;
};

}  // namespace pintle::raft

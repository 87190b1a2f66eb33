#include "raft/candidate.h"

#include <optional>

#include "base/fault_point.h"

namespace pintle::raft {

Candidate::Candidate(Core& core, bool pre_vote, bool for_leader)
    : pre_vote_(pre_vote), timeout_ticks_(core.RandomElectionTimeout()) {
  const RequestVote request{
      .pre_vote = pre_vote, .last_entry = core.log.last(), .transfer = for_leader};
  for (const MemberId voter : core.quorum.voters()) {
    if (voter == core.id()) continue;
    if (pre_vote) {
      core.SendInTerm(core.term() + 1, voter, request, Durability::kNow);
    } else {
      core.Send(voter, request, Durability::kAfterPersist);
    }
  }
}

Transition Candidate::OwnVoteDurable(Core& core) {
  return core.doubtful() ? Transition::kStay : Count(core, core.id(), true);
}

Transition Candidate::Tick(Core& core) {
  ++elapsed_ticks_;
  if (elapsed_ticks_ < timeout_ticks_) return Transition::kStay;
  // A split or unanswered vote: ask again whether one can be won, without another term (thesis
  // §9.6).
  return core.promotable() ? Transition::kPreCampaign : Transition::kStepDown;
}

Transition Candidate::Handle(Core& core, const Message& envelope,
                             const RequestVoteResponse& response) {
  if (response.pre_vote != pre_vote_) return Transition::kStay;
  if (pre_vote_ && core.doubtful()) {
    const Transition done = Survey(core, envelope.from, response.intact_last);
    if (done != Transition::kStay) return done;
  }
  // A grant of a pre-vote speaks of the term after ours; an answer to an earlier campaign is void.
  const Term expected = pre_vote_ && response.granted ? core.term() + 1 : core.term();
  if (envelope.term != expected) return Transition::kStay;
  return Count(core, envelope.from, response.granted);
}

Transition Candidate::Survey(Core& core, MemberId voter, EntryId intact_last) {
  if (!core.quorum.Contains(voter)) return Transition::kStay;
  survey_.Answered(voter, intact_last);
  const std::optional<EntryId> highest = survey_.Highest(core.quorum, core.id());
  if (!highest.has_value() || *highest >= core.hard_state.vote_floor) return Transition::kStay;
  core.hard_state.vote_floor = *highest > core.log.last() ? *highest : EntryId{};
  base::FaultPoint("raft.floor_lowered");
  // Whole again: ask anew, with a vote of our own. Else somebody holds more, and may lead.
  return core.doubtful() ? Transition::kStepDown : Transition::kPreCampaign;
}

Transition Candidate::Count(Core& core, MemberId voter, bool granted) {
  votes_.emplace(voter, granted);
  const VoteResult result = core.quorum.Votes([this](MemberId member) -> std::optional<bool> {
    const auto found = votes_.find(member);
    if (found == votes_.end()) return std::nullopt;
    return found->second;
  });
  switch (result) {
    case VoteResult::kPending:
      return Transition::kStay;
    case VoteResult::kLost:
      // Lost or not, a doubtful member waits for what the others hold.
      return pre_vote_ && core.doubtful() ? Transition::kStay : Transition::kStepDown;
    case VoteResult::kWon:
      return pre_vote_ ? Transition::kCampaign : Transition::kLead;
  }
  return Transition::kStay;
}

}  // namespace pintle::raft

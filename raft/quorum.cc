#include "raft/quorum.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/canary.h"

namespace pintle::raft {
namespace {

using AckedOf = absl::FunctionRef<uint64_t(MemberId)>;
using VoteOf = absl::FunctionRef<std::optional<bool>(MemberId)>;

size_t Majority(const std::vector<MemberId>& voters) { return voters.size() / 2 + 1; }

uint64_t MajorityAcked(const std::vector<MemberId>& voters, AckedOf acked) {
  if (voters.empty()) return 0;
  absl::InlinedVector<uint64_t, 9> values;
  for (const MemberId voter : voters) values.push_back(acked(voter));
  std::ranges::sort(values, std::greater<>());
  return values[Majority(voters) - 1];
}

VoteResult MajorityVotes(const std::vector<MemberId>& voters, VoteOf vote) {
  size_t yes = 0;
  size_t no = 0;
  for (const MemberId voter : voters) {
    const std::optional<bool> answer = vote(voter);
    if (!answer.has_value()) continue;
    *answer ? ++yes : ++no;
  }
  if (!voters.empty() && yes >= Majority(voters)) return VoteResult::kWon;
  return voters.size() - no < Majority(voters) ? VoteResult::kLost : VoteResult::kPending;
}

std::vector<MemberId> Union(const std::vector<MemberId>& a, const std::vector<MemberId>& b) {
  std::vector<MemberId> all;
  std::ranges::set_union(a, b, std::back_inserter(all));
  return all;
}

void SortOut(std::vector<MemberId>& members) {
  std::ranges::sort(members);
  members.erase(std::unique(members.begin(), members.end()), members.end());
}

}  // namespace

Quorum::Quorum(std::vector<MemberId> voters) : voters_(std::move(voters)) {
  SortOut(voters_);
  all_ = voters_;
}

Quorum::Quorum(const ConfState& conf_state)
    : voters_(conf_state.voters), outgoing_(conf_state.outgoing) {
  if (PINTLE_CANARY("learner_votes")) voters_ = Union(voters_, conf_state.learners);
  if (PINTLE_CANARY("joint_ignores_outgoing")) outgoing_.clear();
  SortOut(voters_);
  SortOut(outgoing_);
  all_ = Union(voters_, outgoing_);
}

bool Quorum::Contains(MemberId member) const { return std::ranges::binary_search(all_, member); }

uint64_t Quorum::Acked(AckedOf acked) const {
  const uint64_t reached = MajorityAcked(voters_, acked);
  return outgoing_.empty() ? reached : std::min(reached, MajorityAcked(outgoing_, acked));
}

VoteResult Quorum::Votes(VoteOf vote) const {
  const VoteResult result = MajorityVotes(voters_, vote);
  if (outgoing_.empty() || result == VoteResult::kLost) return result;
  const VoteResult other = MajorityVotes(outgoing_, vote);
  return other == VoteResult::kWon ? result : other;
}

}  // namespace pintle::raft

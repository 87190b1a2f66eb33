#include "raft/quorum.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace pintle::raft {

Quorum::Quorum(std::vector<MemberId> voters) : voters_(std::move(voters)) {
  std::ranges::sort(voters_);
  const auto duplicates = std::ranges::unique(voters_);
  voters_.erase(duplicates.begin(), duplicates.end());
}

bool Quorum::Contains(MemberId member) const { return std::ranges::binary_search(voters_, member); }

uint64_t Quorum::Acked(absl::FunctionRef<uint64_t(MemberId)> acked) const {
  if (voters_.empty()) return 0;
  absl::InlinedVector<uint64_t, 9> values;
  for (const MemberId voter : voters_) values.push_back(acked(voter));
  std::ranges::sort(values, std::greater<>());
  return values[majority() - 1];
}

VoteResult Quorum::Votes(absl::FunctionRef<std::optional<bool>(MemberId)> vote) const {
  size_t yes = 0;
  size_t no = 0;
  for (const MemberId voter : voters_) {
    const std::optional<bool> answer = vote(voter);
    if (!answer.has_value()) continue;
    *answer ? ++yes : ++no;
  }
  if (!voters_.empty() && yes >= majority()) return VoteResult::kWon;
  return voters_.size() - no < majority() ? VoteResult::kLost : VoteResult::kPending;
}

}  // namespace pintle::raft

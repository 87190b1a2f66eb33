// Decisions by quorum, as pure functions of who voted or acknowledged what.
//
// Quorum is one set of voters that decides by majority, or, in a joint configuration (thesis §4.3),
// two of them that must agree: the smaller acknowledged value, and the worse vote. Learners are not
// in it. Source: etcd-io/raft quorum/majority.go, quorum/joint.go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "raft/types.h"

namespace pintle::raft {

enum class VoteResult : uint8_t {
  kPending,  // can still go either way
  kWon,
  kLost,  // can no longer be won
};

class Quorum {
 public:
  // Sorts and removes duplicates.
  explicit Quorum(std::vector<MemberId> voters);
  explicit Quorum(const ConfState& conf_state);

  // Everybody who votes, in either set; ascending.
  const std::vector<MemberId>& voters() const { return all_; }
  bool Contains(MemberId member) const;
  // The only voter is `member`.
  bool IsOnly(MemberId member) const { return all_.size() == 1 && all_[0] == member; }

  // The largest value that a quorum has reached, where `acked` says what each voter has reached
  // (0: nothing). Used for log indexes and for read rounds alike. Without voters: 0.
  uint64_t Acked(absl::FunctionRef<uint64_t(MemberId)> acked) const;

  // `vote` gives yes, no, or nothing yet. Without voters: lost.
  VoteResult Votes(absl::FunctionRef<std::optional<bool>(MemberId)> vote) const;

 private:
  std::vector<MemberId> voters_;
  std::vector<MemberId> outgoing_;  // empty: not joint
  std::vector<MemberId> all_;
};

}  // namespace pintle::raft

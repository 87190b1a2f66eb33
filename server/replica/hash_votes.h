// HashVotes: who has which hash where, and whose is the odd one.
//
// A majority of the voters decides, at one position and for one kind of hash: who has another one
// is odd. Nobody is odd without a majority against it; when there can be none (all have spoken), or
// has been none for long, that is a split.
//
// A plain value, one thread at a time. Bound: kMostPerMember checkpoints of each member, the
// newest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "raft/types.h"
#include "server/replica/checkpoint.h"

namespace pintle::server::replica {

class HashVotes {
 public:
  static constexpr size_t kMostPerMember = 64;
  // A difference that nobody decides for so many looks is a split.
  static constexpr int kMostLooks = 60;

  void Note(raft::MemberId member, const Checkpoint& checkpoint);
  // What it said is of a content that it no longer has.
  void Forget(raft::MemberId member) { noted_.erase(member); }
  // The newest of the member's, oldest first.
  std::vector<Checkpoint> Newest(raft::MemberId member, size_t most) const;

  struct Verdict {
    enum class Kind { kNothing, kOdd, kSplit };
    Kind kind = Kind::kNothing;
    Checkpoint own;
  };
  // What `self` has to know of itself. Said once per position.
  Verdict Look(raft::MemberId self, const std::vector<raft::MemberId>& voters);

 private:
  using Place = std::pair<raft::Index, Checkpoint::Kind>;
  using Hashes = std::map<Place, uint64_t>;

  Verdict::Kind Judge(const Place& place, uint64_t own, const std::vector<raft::MemberId>& voters);

  std::map<raft::MemberId, Hashes> noted_;
  std::map<Place, int> looks_;  // at differences that nobody has decided
};

}  // namespace pintle::server::replica

// Configurations: which ConfState is in force, by the conf-change entries that are in the log.
//
// A configuration is in force from the moment its entry is appended (thesis §4.1), committed or
// not, and no longer when the entry is replaced. Bounded: at most two entries are not committed (a
// change is only begun when the one before is), committed ones are folded into the base.
#pragma once

#include <deque>
#include <span>
#include <utility>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::raft {

class Configurations {
 public:
  // `base` is in force as of `index`.
  Configurations(ConfState base, Index index) { Reset(std::move(base), index); }

  const ConfState& in_force() const { return steps_.back().conf_state; }
  // The entry that began it; 0, or the snapshot's end, for one from before the log.
  Index index() const { return steps_.back().index; }
  // A voter in the one in force, or in one before it that the log may yet fall back to.
  bool MayVote(MemberId member) const;

  // Forgets all and begins with `base`.
  void Reset(ConfState base, Index index);
  // Takes over the conf changes among `entries`, which come next in the log. Their payloads decode.
  void Append(std::span<const Entry> entries);
  // The entries behind `last_kept` are gone from the log. True: another configuration is in force.
  bool TruncateSuffix(Index last_kept);
  // Entries up to `index` are committed: they can not be replaced.
  void CommitTo(Index index);

 private:
  struct Step {
    ConfState conf_state;
    Index index;
  };
  std::deque<Step> steps_;  // never empty; the first is the base
};

}  // namespace pintle::raft

#include "raft/configurations.h"

#include <algorithm>

#include "base/check.h"
#include "raft/membership.h"

namespace pintle::raft {

void Configurations::Reset(ConfState base, Index index) {
  steps_.clear();
  steps_.push_back({std::move(base), index});
}

bool Configurations::MayVote(MemberId member) const {
  return std::ranges::any_of(steps_,
                             [&](const Step& step) { return IsVoter(step.conf_state, member); });
}

void Configurations::Append(std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    if (entry.kind != EntryKind::kConfChange) continue;
    ConfChange change;
    PINTLE_CHECK(DecodeConfChange(entry.bytes(), change), "a conf change that nobody can read");
    steps_.push_back({std::move(change.conf_state), entry.id.index});
  }
}

bool Configurations::TruncateSuffix(Index last_kept) {
  bool changed = false;
  while (steps_.size() > 1 && steps_.back().index > last_kept) {
    steps_.pop_back();
    changed = true;
  }
  return changed;
}

void Configurations::CommitTo(Index index) {
  while (steps_.size() > 1 && steps_[1].index <= index) steps_.pop_front();
}

}  // namespace pintle::raft

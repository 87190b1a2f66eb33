// SeenLog: the identities of a log, as an observer has seen them. Entries may leave at both ends:
// at the front by compaction, at the end by replacement. For InvariantChecker.
#pragma once

#include <cstddef>
#include <deque>

#include "raft/types.h"

namespace pintle::raft {

class SeenLog {
 public:
  EntryId base() const { return base_; }
  Index last_index() const { return base_.index + terms_.size(); }
  EntryId last() const { return terms_.empty() ? base_ : EntryId{terms_.back(), last_index()}; }
  bool empty() const { return terms_.empty(); }

  // What was compacted away was committed, and counts as held.
  bool Holds(EntryId id) const {
    if (id.index < base_.index || id.index == Index{0}) return true;
    if (id.index > last_index()) return false;
    return At(id.index) == id;
  }
  // base().index <= index <= last_index().
  EntryId At(Index index) const {
    return index == base_.index ? base_ : EntryId{terms_[index - base_.index - 1], index};
  }

  void Push(Term term) { terms_.push_back(term); }
  void PopBack() { terms_.pop_back(); }
  void Reset(EntryId base) {
    base_ = base;
    terms_.clear();
  }
  // Forgets what lies before `base`, which is held.
  void DropTo(Index base) {
    while (base_.index < base) {
      base_ = {terms_.front(), base_.index + 1};
      terms_.pop_front();
    }
  }

 private:
  EntryId base_;
  std::deque<Term> terms_;  // from base_.index + 1
};

}  // namespace pintle::raft

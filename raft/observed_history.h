// ObservedHistory: everything that any member was seen to hold or to have committed, so far as some
// log may still disagree with it. For InvariantChecker.
//
// Memory: what lies behind the shortest log; Forget drops the rest.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::raft {

class ObservedHistory {
 public:
  explicit ObservedHistory(ConfState initial) { confs_[Index{0}] = std::move(initial); }

  // An entry was seen in a log, behind `previous`. Error: the same identity was seen with other
  // content or another predecessor (log matching).
  absl::Status Saw(const Entry& entry, EntryId previous);

  // Committed so far.
  Index committed_index() const { return forgotten_ + committed_.size(); }
  // The next index is committed, as `id`; first seen at a member in `in_term`.
  void Commit(EntryId id, Term in_term);
  // False: another entry is committed there, or none. What is forgotten is taken as committed.
  bool IsCommitted(EntryId id) const;
  // The last entry that was committed in a term before `term`; index 0: none that is remembered.
  EntryId LastCommittedBefore(Term term) const;
  // committed_index() >= index > the forgotten part.
  EntryId CommittedAt(Index index) const { return committed_[index - forgotten_ - 1].id; }
  bool Remembers(Index index) const { return index > forgotten_ && index <= committed_index(); }

  // The configuration that this entry, seen before, brings; nullopt: it brings none.
  std::optional<ConfState> ConfOf(EntryId id) const;
  // The configuration as of `index`, by what is committed.
  const ConfState& ConfAt(Index index) const {
    return std::prev(confs_.upper_bound(index))->second;
  }

  // No log holds anything up to `index` any more.
  void Forget(Index index);

 private:
  struct Origin {
    EntryId previous;
    Entry entry;
  };
  struct Committed {
    EntryId id;
    Term in_term;  // of the member that was first seen to have committed it
  };
  const Origin* Find(EntryId id) const;

  Index forgotten_;
  std::deque<std::vector<Origin>> origins_;  // from forgotten_ + 1
  std::deque<Committed> committed_;          // from forgotten_ + 1
  std::map<Index, ConfState> confs_;         // committed ones, and the newest forgotten one
};

// For messages.
std::string Text(EntryId id);

}  // namespace pintle::raft

// RaftLog: what a member holds, durable or not, as one log, with its commit index.
//
// Entries up to persisted_index() are read from the LogStorage, later ones from memory.
// Source: thesis §3.5; etcd-io/raft log.go.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "raft/entry.h"
#include "raft/log_storage.h"
#include "raft/ready.h"
#include "raft/unstable_log.h"

namespace pintle::raft {

class RaftLog {
 public:
  // `storage` outlives the log. All that it holds is durable. `commit_index` is cut to the end of
  // the log.
  RaftLog(const LogStorage& storage, Index commit_index);

  // The first index that can be read.
  Index first_index() const;
  EntryId last() const { return last_; }
  Index commit_index() const { return commit_index_; }
  Index persisted_index() const { return unstable_.persisted_index(); }

  // nullopt: compacted away, or behind the end.
  std::optional<Term> TermAt(Index index) const;
  // The entry is in the log (index 0 always is).
  bool Has(EntryId id) const { return TermAt(id.index) == id.term; }
  // A log that ends with `other` is at least as good to lead as this one (thesis §3.6.1).
  bool IsUpToDate(EntryId other) const { return other >= last_; }

  // The last entry at or before `bound.index` whose term is at most `bound.term`: where two logs
  // may still agree when they do not at `bound`. Term 0 in the answer: unknown, because compacted.
  EntryId LastPossibleMatch(EntryId bound) const;

  // Appends entries of `range` to `out`, as many as fit into `max_bytes`, but at least one. `range`
  // must be held.
  void Read(IndexRange range, size_t max_bytes, std::vector<Entry>& out) const;

  // A leader's way: one entry at the end.
  void Append(Entry entry);
  // A follower's way: `entries` follow `previous`, which the log has. What is here already stays (a
  // late or repeated message must not cut off what came after it); the first real conflict replaces
  // all from there.
  // Gives the part that is new; empty if nothing is.
  std::span<const Entry> Merge(EntryId previous, std::span<const Entry> entries);
  // Everything up to `base` is in a durable snapshot. A log that holds `base`, durable or on its
  // way, stays as it is (false): what is behind it may have been acknowledged. Any other one is
  // dropped, and begins behind `base` (true): what it had there was never committed. Until the
  // owner has reset the LogStorage nothing is read from it.
  bool Restore(EntryId base);

  // Moves the commit index to `index`, never back.
  void CommitTo(Index index);

  bool HasNew() const { return unstable_.HasNew(); }
  void HandOut(ReadyNumber number, std::vector<Entry>& out) { unstable_.HandOut(number, out); }
  void Persisted(ReadyNumber number);

 private:
  const LogStorage& storage_;
  UnstableLog unstable_;
  std::optional<EntryId> reset_base_;  // of the last Restore that has dropped the log
  EntryId last_;
  Index commit_index_;
};

}  // namespace pintle::raft

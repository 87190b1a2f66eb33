// MemoryLog: a LogStorage that keeps entries in memory, from the last compaction on.
//
// The replica uses it as the tail of its WAL (the WAL keeps the bytes, this keeps the entries);
// tests and the simulator use it as a disk. Indexes are without gaps. Thread: one at a time
// (raft's). Memory: bounded only by Compact, which the owner must call.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "raft/log_storage.h"

namespace pintle::raft {

class MemoryLog final : public LogStorage {
 public:
  MemoryLog() = default;
  // An empty log that begins behind `base` (what was compacted away, or a snapshot's last entry).
  explicit MemoryLog(EntryId base) : base_(base) {}

  // Adds entries without gaps. The first may lie at any index in [FirstIndex(), LastIndex() + 1];
  // what was there and behind is replaced. An index at or before the compaction point is a broken
  // invariant.
  void Append(std::span<const Entry> entries);
  // Drops everything behind `last_kept`.
  void TruncateSuffix(Index last_kept);
  // Drops everything, and begins behind `base`.
  void Reset(EntryId base) { *this = MemoryLog(base); }
  // Drops everything up to and with `index`, which must be held (or already dropped: then nothing
  // happens).
  void Compact(Index index);

  // Sum of Entry::cost_bytes.
  size_t size_bytes() const { return size_bytes_; }

  Index FirstIndex() const override { return base_.index + 1; }
  Index LastIndex() const override { return base_.index + entries_.size(); }
  std::optional<Term> TermAt(Index index) const override;
  void Entries(IndexRange range, size_t max_bytes, std::vector<Entry>& out) const override;

 private:
  const Entry& At(Index index) const { return entries_[index - FirstIndex()]; }

  EntryId base_;  // the entry before the first one held
  std::deque<Entry> entries_;
  size_t size_bytes_ = 0;
};

}  // namespace pintle::raft

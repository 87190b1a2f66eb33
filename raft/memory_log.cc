#include "raft/memory_log.h"

#include "base/check.h"

namespace pintle::raft {

void MemoryLog::Append(std::span<const Entry> entries) {
  if (entries.empty()) return;
  const Index first = entries.front().id.index;
  PINTLE_CHECK(first >= FirstIndex(), "entries before the compaction point");
  PINTLE_CHECK(first <= LastIndex() + 1, "a gap in the log");
  TruncateSuffix(first - 1);
  for (const Entry& entry : entries) {
    PINTLE_CHECK(entry.id.index == LastIndex() + 1, "a gap in the entries");
    size_bytes_ += entry.cost_bytes();
    entries_.push_back(entry);
  }
}

void MemoryLog::TruncateSuffix(Index last_kept) {
  PINTLE_CHECK(last_kept >= base_.index, "truncates before the compaction point");
  while (LastIndex() > last_kept) {
    size_bytes_ -= entries_.back().cost_bytes();
    entries_.pop_back();
  }
}

void MemoryLog::Compact(Index index) {
  PINTLE_CHECK(index <= LastIndex(), "compacts beyond the end of the log");
  while (base_.index < index) {
    base_ = entries_.front().id;
    size_bytes_ -= entries_.front().cost_bytes();
    entries_.pop_front();
  }
}

std::optional<Term> MemoryLog::TermAt(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < FirstIndex() || index > LastIndex()) return std::nullopt;
  return At(index).id.term;
}

void MemoryLog::Entries(IndexRange range, size_t max_bytes, std::vector<Entry>& out) const {
  PINTLE_CHECK(range.first >= FirstIndex() && range.last <= LastIndex(),
               "range outside of the log");
  size_t bytes = 0;
  for (Index index = range.first; index <= range.last; ++index) {
    const Entry& entry = At(index);
    bytes += entry.cost_bytes();
    if (bytes > max_bytes && index != range.first) break;
    out.push_back(entry);
  }
}

}  // namespace pintle::raft

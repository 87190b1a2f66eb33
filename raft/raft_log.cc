#include "raft/raft_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pintle::raft {

RaftLog::RaftLog(const LogStorage& storage, Index commit_index)
    : storage_(storage), unstable_(storage.LastIndex()) {
  const std::optional<Term> last_term = storage_.TermAt(storage_.LastIndex());
  PINTLE_CHECK(last_term.has_value(), "LogStorage does not know the term of its last entry");
  last_ = {*last_term, storage_.LastIndex()};
  // Before the first entry held everything is committed, or it would not have been compacted away.
  commit_index_ = std::clamp(commit_index, storage_.FirstIndex() - 1, last_.index);
}

Index RaftLog::first_index() const {
  // An old LogStorage that the owner has not reset yet may begin anywhere.
  if (reset_base_.has_value() && unstable_.persisted_index() <= reset_base_->index) {
    return reset_base_->index + 1;
  }
  return storage_.FirstIndex();
}

std::optional<Term> RaftLog::TermAt(Index index) const {
  if (index == last_.index) return last_.term;
  if (index > last_.index || index + 1 < first_index()) return std::nullopt;
  if (index >= unstable_.first_index()) return unstable_.At(index).id.term;
  if (reset_base_.has_value() && index == reset_base_->index) return reset_base_->term;
  return storage_.TermAt(index);
}

bool RaftLog::Restore(EntryId base) {
  const bool held = base.index + 1 < first_index() || Has(base);
  if (!held) {
    unstable_ = UnstableLog(base.index);
    reset_base_ = base;
    last_ = base;
  }
  CommitTo(base.index);
  return !held;
}

EntryId RaftLog::LastPossibleMatch(EntryId bound) const {
  Index index = std::min(bound.index, last_.index);
  for (;; --index) {
    const std::optional<Term> term = TermAt(index);
    if (!term.has_value()) return {Term{0}, index};
    if (*term <= bound.term || index == Index{0}) return {*term, index};
  }
}

void RaftLog::Read(IndexRange range, size_t max_bytes, std::vector<Entry>& out) const {
  if (range.empty()) return;
  PINTLE_CHECK(range.first >= first_index() && range.last <= last_.index,
               "reads outside of the log");
  size_t bytes = 0;
  Index index = range.first;
  if (index < unstable_.first_index()) {
    const Index last_stored = std::min(range.last, unstable_.persisted_index());
    const size_t before = out.size();
    storage_.Entries({index, last_stored}, max_bytes, out);
    index = index + (out.size() - before);
    if (index <= last_stored) return;
    for (size_t i = before; i < out.size(); ++i) bytes += out[i].cost_bytes();
  }
  for (; index <= range.last; ++index) {
    const Entry& entry = unstable_.At(index);
    bytes += entry.cost_bytes();
    if (bytes > max_bytes && index != range.first) return;
    out.push_back(entry);
  }
}

void RaftLog::Append(Entry entry) {
  PINTLE_CHECK(entry.id.term >= last_.term, "terms go back in the log");
  last_ = entry.id;
  unstable_.Append(std::move(entry));
}

std::span<const Entry> RaftLog::Merge(EntryId previous, std::span<const Entry> entries) {
  PINTLE_CHECK(Has(previous), "merges behind an entry that is not there");
  const auto news = std::ranges::find_if(entries, [this](const Entry& e) { return !Has(e.id); });
  if (news == entries.end()) return {};
  const Index last_kept = news->id.index - 1;
  if (last_kept < last_.index) {
    PINTLE_CHECK(last_kept >= commit_index_, "a committed entry would be replaced");
    const std::optional<Term> kept_term = TermAt(last_kept);
    PINTLE_CHECK(kept_term.has_value(), "replaces compacted entries");
    unstable_.TruncateSuffix(last_kept);
    last_ = {*kept_term, last_kept};
  }
  for (auto entry = news; entry != entries.end(); ++entry) Append(*entry);
  return {news, entries.end()};
}

void RaftLog::CommitTo(Index index) {
  if (index <= commit_index_) return;
  PINTLE_CHECK(index <= last_.index, "the commit index lies behind the end of the log");
  commit_index_ = index;
}

void RaftLog::Persisted(ReadyNumber number) {
  unstable_.Persisted(number);
  const Index persisted = unstable_.persisted_index();
  PINTLE_CHECK(persisted < first_index() || storage_.TermAt(persisted) == TermAt(persisted),
               "LogStorage does not hold what was reported durable");
}

}  // namespace pintle::raft

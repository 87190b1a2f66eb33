// UnstableLog: the tail of the log that is not known to be durable.
//
// Entries come in at the end, are handed out to Readys in order, and leave at the front when the
// Ready that carried them is durable. When a new leader's entries replace some of them, what is
// under way to the disk for the replaced positions no longer counts: completions are by Ready
// number, and each Ready under way knows up to which index it still speaks for the log as it is
// now. (By entry id alone this cannot be told: an entry that is replaced and later restored has the
// same id, while the disk may by then hold the replacement.)
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "raft/entry.h"
#include "raft/ready.h"

namespace pintle::raft {

class UnstableLog {
 public:
  // Empty; everything up to `persisted_index` is durable.
  explicit UnstableLog(Index persisted_index) : persisted_index_(persisted_index) {}

  // Everything up to here is durable, and in the LogStorage.
  Index persisted_index() const { return persisted_index_; }
  Index first_index() const { return persisted_index_ + 1; }
  Index last_index() const { return persisted_index_ + entries_.size(); }

  // first_index() <= index <= last_index().
  const Entry& At(Index index) const { return entries_[index - first_index()]; }

  void Append(Entry entry);
  // Drops everything behind `last_kept`, durable or not.
  void TruncateSuffix(Index last_kept);

  // The next HandOut gives something.
  bool HasNew() const { return handed_out_index_ < last_index(); }
  // Appends what was not handed out yet to `out`, as part of Ready `number`.
  void HandOut(ReadyNumber number, std::vector<Entry>& out);
  // All Readys up to `number` are durable.
  void Persisted(ReadyNumber number);

 private:
  struct InFlight {
    ReadyNumber number;
    Index last_index;  // of what it carried and the log still has
  };

  Index persisted_index_;
  std::deque<Entry> entries_;  // from persisted_index_ + 1
  Index handed_out_index_ = persisted_index_;
  std::deque<InFlight> in_flight_;
};

}  // namespace pintle::raft

#include "raft/unstable_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace pintle::raft {

void UnstableLog::Append(Entry entry) {
  PINTLE_CHECK(entry.id.index == last_index() + 1, "a gap in the log");
  entries_.push_back(std::move(entry));
}

void UnstableLog::TruncateSuffix(Index last_kept) {
  while (last_index() > last_kept && !entries_.empty()) entries_.pop_back();
  // The disk still holds replaced entries until the replacing ones overwrite them; they are not
  // ours any more.
  persisted_index_ = std::min(persisted_index_, last_kept);
  handed_out_index_ = std::min(handed_out_index_, last_kept);
  for (InFlight& ready : in_flight_) ready.last_index = std::min(ready.last_index, last_kept);
}

void UnstableLog::HandOut(ReadyNumber number, std::vector<Entry>& out) {
  if (!HasNew()) return;
  const size_t from = handed_out_index_ - persisted_index_;
  out.insert(out.end(), entries_.begin() + static_cast<ptrdiff_t>(from), entries_.end());
  handed_out_index_ = last_index();
  in_flight_.push_back({number, handed_out_index_});
}

void UnstableLog::Persisted(ReadyNumber number) {
  while (!in_flight_.empty() && in_flight_.front().number <= number) {
    const Index durable = in_flight_.front().last_index;
    in_flight_.pop_front();
    if (durable <= persisted_index_) continue;
    const auto count = static_cast<ptrdiff_t>(durable - persisted_index_);
    entries_.erase(entries_.begin(), entries_.begin() + count);
    persisted_index_ = durable;
  }
}

}  // namespace pintle::raft

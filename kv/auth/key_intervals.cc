#include "kv/auth/key_intervals.h"

#include <algorithm>
#include <utility>

namespace pintle::kv::auth {
namespace {

// Ends, of which the empty one is the last.
bool EndsBefore(std::string_view a, std::string_view b) {
  if (a.empty()) return false;
  return b.empty() || a < b;
}

KeyIntervals::Interval ToInterval(const KeyRange& range) {
  if (range.single()) return {range.key, range.key + '\0'};
  return {range.key, range.to_the_end() ? std::string() : range.end};
}

}  // namespace

KeyIntervals::KeyIntervals(const std::vector<KeyRange>& ranges) {
  std::vector<Interval> sorted;
  for (const KeyRange& range : ranges) {
    Interval interval = ToInterval(range);
    if (interval.end.empty() || interval.begin < interval.end) {
      sorted.push_back(std::move(interval));
    }
  }
  std::ranges::sort(sorted, {}, &Interval::begin);
  for (Interval& interval : sorted) {
    const bool apart = intervals_.empty() ||
                       (!intervals_.back().end.empty() && intervals_.back().end < interval.begin);
    if (apart) {
      intervals_.push_back(std::move(interval));
    } else if (EndsBefore(intervals_.back().end, interval.end)) {
      intervals_.back().end = std::move(interval.end);
    }
  }
}

const KeyIntervals::Interval* KeyIntervals::Find(std::string_view key) const {
  auto it = std::ranges::upper_bound(intervals_, key, {},
                                     [](const Interval& i) { return std::string_view(i.begin); });
  if (it == intervals_.begin()) return nullptr;
  --it;
  return it->end.empty() || key < it->end ? &*it : nullptr;
}

bool CoverRange(const std::vector<const KeyIntervals*>& sets, const KeyRange& range) {
  const std::string end = ToInterval(range).end;
  std::string_view from = range.key;
  while (true) {
    const KeyIntervals::Interval* farthest = nullptr;
    for (const KeyIntervals* set : sets) {
      const KeyIntervals::Interval* interval = set->Find(from);
      if (interval == nullptr) continue;
      if (farthest == nullptr || EndsBefore(farthest->end, interval->end)) farthest = interval;
    }
    if (farthest == nullptr) return false;
    if (!EndsBefore(farthest->end, end)) return true;
    from = farthest->end;
  }
}

}  // namespace pintle::kv::auth

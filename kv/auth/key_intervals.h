// KeyIntervals: a set of keys, as the union of the ranges of permissions. Overlapping and adjacent
// ones become one, so that a question about a range that several of them cover is answered as etcd
// answers it (etcd-api 1.8.4). Immutable once built; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kv/types.h"

namespace pintle::kv::auth {

class KeyIntervals {
 public:
  KeyIntervals() = default;
  // Ranges that hold no key are left out.
  explicit KeyIntervals(const std::vector<KeyRange>& ranges);

  struct Interval {
    std::string begin;
    std::string end;  // exclusive; empty: none
  };
  // The interval that holds `key`, or null.
  const Interval* Find(std::string_view key) const;

 private:
  std::vector<Interval> intervals_;  // by begin, with gaps between them
};

// Whether the union of the sets holds all of `range`. Of a range without keys, its first key is
// looked at, as in etcd.
bool CoverRange(const std::vector<const KeyIntervals*>& sets, const KeyRange& range);

}  // namespace pintle::kv::auth

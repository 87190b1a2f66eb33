// SeenRequests: which of the requests that one peer has forwarded in this term have come already,
// so that one that the network doubled makes no second entry.
//
// They come nearly in the order of their numbers, not quite: what a follower sends before its term
// is durable waits for the disk and may be overtaken. Whatever is further back than kWindow counts
// as seen: it is lost, as the network might have lost it. Pure. Bound: kMostIncarnations restarts
// of the peer within one leadership.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "raft/message.h"

namespace pintle::raft {

class SeenRequests {
 public:
  static constexpr uint64_t kWindow = 64;
  static constexpr size_t kMostIncarnations = 16;

  // False: it has come before, or nobody knows any more.
  bool Add(RequestId id) {
    const auto known = std::ranges::find(seen_, id.incarnation, &Seen::incarnation);
    if (known == seen_.end()) {
      if (seen_.size() == kMostIncarnations) seen_.erase(seen_.begin());
      seen_.push_back({id.incarnation, id.number, 1});
      return true;
    }
    if (id.number > known->highest) {
      const uint64_t step = id.number - known->highest;
      known->below = step < kWindow ? (known->below << step) | 1 : 1;
      known->highest = id.number;
      return true;
    }
    const uint64_t back = known->highest - id.number;
    if (back >= kWindow || ((known->below >> back) & 1) != 0) return false;
    known->below |= uint64_t{1} << back;
    return true;
  }

 private:
  struct Seen {
    uint64_t incarnation = 0;
    uint64_t highest = 0;
    uint64_t below = 0;  // bit n: highest - n has come
  };
  std::vector<Seen> seen_;
};

}  // namespace pintle::raft

// ByteWindow: the costs of consecutive log entries, added at the end and released from the front by
// index. It answers "how many bytes are under way", for the limits on uncommitted and on unapplied
// entries.
#pragma once

#include <cstddef>
#include <deque>

#include "raft/types.h"

namespace pintle::raft {

class ByteWindow {
 public:
  // Begins behind `released`.
  explicit ByteWindow(Index released) : released_(released) {}

  // The next entry costs `bytes`.
  void Push(size_t bytes) {
    costs_.push_back(bytes);
    bytes_ += bytes;
  }

  // Releases everything up to `index`; going back does nothing.
  void ReleaseTo(Index index) {
    while (released_ < index) {
      ++released_;
      if (costs_.empty()) continue;
      bytes_ -= costs_.front();
      costs_.pop_front();
    }
  }

  size_t bytes() const { return bytes_; }
  Index released() const { return released_; }

 private:
  Index released_;
  std::deque<size_t> costs_;  // of released_ + 1 and following
  size_t bytes_ = 0;
};

}  // namespace pintle::raft

// ByteQueue: bytes waiting to be sent, kept in the pieces they came in (a large answer is not
// copied to join it).
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace pintle::net {

class ByteQueue {
 public:
  void Append(std::string bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    pieces_.push_back(std::move(bytes));
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Moves up to `limit` bytes to `out`; returns how many.
  size_t Take(char* out, size_t limit);
  // The same, at the end of a string.
  size_t Take(std::string& out, size_t limit);
  void Clear();

 private:
  void DropFront();

  absl::InlinedVector<std::string, 2> pieces_;
  size_t head_ = 0;    // first piece not yet taken whole
  size_t offset_ = 0;  // bytes taken of it
  size_t size_ = 0;
};

}  // namespace pintle::net

#include "net/byte_queue.h"

#include <algorithm>
#include <cstring>

namespace pintle::net {

size_t ByteQueue::Take(char* out, size_t limit) {
  size_t taken = 0;
  while (taken < limit && size_ > 0) {
    const std::string& piece = pieces_[head_];
    const size_t count = std::min(limit - taken, piece.size() - offset_);
    std::memcpy(out + taken, piece.data() + offset_, count);
    taken += count;
    offset_ += count;
    size_ -= count;
    if (offset_ == piece.size()) DropFront();
  }
  return taken;
}

size_t ByteQueue::Take(std::string& out, size_t limit) {
  const size_t count = std::min(limit, size_);
  const size_t before = out.size();
  out.resize(before + count);
  return Take(out.data() + before, count);
}

void ByteQueue::Clear() {
  pieces_.clear();
  head_ = offset_ = size_ = 0;
}

void ByteQueue::DropFront() {
  offset_ = 0;
  ++head_;
  if (head_ == pieces_.size()) {
    pieces_.clear();
    head_ = 0;
    return;
  }
  std::string().swap(pieces_[head_ - 1]);
  // A queue that never runs empty must not keep its empty front for ever.
  if (head_ >= 64 && head_ * 2 >= pieces_.size()) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace pintle::net

#include "net/backlog.h"

#include <malloc.h>

namespace pintle::net {

// Once what had filled it is gone, the memory goes back to the system: malloc would keep it.
void Backlog::Add(int64_t bytes) {
  const int64_t sum = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (sum >= limit_bytes_) was_full_.store(true, std::memory_order_relaxed);
  if (bytes < 0 && sum < limit_bytes_ / 8 && was_full_.load(std::memory_order_relaxed) &&
      was_full_.exchange(false)) {
    malloc_trim(0);
  }
}

void BacklogPart::Report(size_t bytes, size_t taken_bytes) {
  taken_bytes_ += taken_bytes;
  if (bytes < kWorthReporting) bytes = 0;
  if (bytes == reported_bytes_) return;
  backlog_.Add(static_cast<int64_t>(bytes) - static_cast<int64_t>(reported_bytes_));
  reported_bytes_ = bytes;
  if (host_ != nullptr && bytes > kShareBytes && timer_ == nullptr) WatchTaking();
}

void BacklogPart::WatchTaking() {
  taken_bytes_ = 0;
  timer_ = host_->executor().After(kPatience, [this] {
    timer_.reset();
    if (reported_bytes_ <= kShareBytes) return;
    if (backlog_.full() && taken_bytes_ < kLeastTakenBytes) return host_->Abort();
    WatchTaking();
  });
}

void BacklogPart::End() {
  timer_.reset();
  Report(0, 0);
}

}  // namespace pintle::net

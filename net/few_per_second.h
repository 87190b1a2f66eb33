// FewPerSecond: lets a few events of a second through, so that a stranger who repeats a mistake
// does not fill the log. Private to net/.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace pintle::net {

class FewPerSecond {
 public:
  static constexpr int kMost = 5;

  // False: there were enough in this second.
  bool Take() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    const std::lock_guard lock(mutex_);
    if (std::exchange(second_, second) != second) taken_ = 0;
    return ++taken_ <= kMost;
  }

 private:
  std::mutex mutex_;
  int64_t second_ = 0;
  int taken_ = 0;
};

}  // namespace pintle::net

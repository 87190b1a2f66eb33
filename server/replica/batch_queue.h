// BatchQueue: from many threads to one, in batches, with one wake-up per burst.
//
// Push never blocks. The consumer takes everything that has come with one lock (TakeAll), and a
// consumer with a thread of its own waits in between (Wait). Not bounded by itself: what is pushed
// is bounded by its producers (proposals by Proposals, messages by raft's in-flight limits, jobs by
// raft's byte limits).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace pintle::server::replica {

template <typename T>
class BatchQueue {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  void Push(T item) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      wake = items_.empty();
      items_.push_back(std::move(item));
    }
    if (wake) changed_.notify_one();
  }

  std::vector<T> TakeAll() {
    const std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return items_.empty();
  }

  // Until there is something, Close, or the deadline (none: for ever). False: closed and empty.
  bool Wait(std::optional<Deadline> deadline = std::nullopt) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return closed_ || !items_.empty(); };
    if (deadline) {
      changed_.wait_until(lock, *deadline, ready);
    } else {
      changed_.wait(lock, ready);
    }
    return !closed_ || !items_.empty();
  }

  // What was pushed before is still handed out.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_one();
  }
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace pintle::server::replica

// WakeBox: carries wake-ups of a stream's subscriptions from the apply thread to the stream's
// thread, a whole burst with one post.
//
// Wake() from any thread; it only posts. The stream is held weakly: a wake-up that comes after its
// end is lost, as it should be.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "net/executor.h"

namespace pintle::server::etcd {

class WakeBox : public std::enable_shared_from_this<WakeBox> {
 public:
  // `deliver` runs on the executor's thread with the ids that woke since the last time.
  using Deliver = std::function<void(const std::vector<int64_t>&)>;

  // The executor must outlive every Wake(): the stream ends its subscriptions first.
  WakeBox(net::Executor& executor, Deliver deliver)
      : executor_(executor), deliver_(std::move(deliver)) {}

  void Wake(int64_t watch_id) {
    {
      absl::MutexLock lock(&mutex_);
      woken_.push_back(watch_id);
      if (std::exchange(posted_, true)) return;
    }
    executor_.Post([box = shared_from_this()] { box->Open(); });
  }

 private:
  void Open() {
    std::vector<int64_t> woken;
    {
      absl::MutexLock lock(&mutex_);
      woken.swap(woken_);
      posted_ = false;
    }
    deliver_(woken);
  }

  net::Executor& executor_;
  const Deliver deliver_;
  absl::Mutex mutex_;
  // Bounded: a subscription wakes once until it has been pulled from.
  std::vector<int64_t> woken_ ABSL_GUARDED_BY(mutex_);
  bool posted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle::server::etcd

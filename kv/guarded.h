// Guarded<T>: a value behind a mutex, the only lock in kv.
//
// The store is single-threaded by design; three things are shared with reader threads and need the
// minimum of synchronisation: the pointer to the newest view, the value cache, and the memory
// backend of tests. A mutex and not std::atomic<std::shared_ptr>: libstdc++ 12 builds that one from
// a spin bit, which ThreadSanitizer does not understand and which costs the same; every critical
// section here is a few pointer moves.
#pragma once

#include <mutex>
#include <utility>

namespace pintle::kv {

template <typename T>
class Guarded {
 public:
  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  // Runs `use` with the value, alone. It must not block and must not come back here.
  template <typename Use>
  auto With(Use&& use) {
    std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(value_);
  }
  template <typename Use>
  auto With(Use&& use) const {
    std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(std::as_const(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace pintle::kv

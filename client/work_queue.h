// WorkQueue: keys of objects to look at again, each at most once at a time.
//
// A key added while it waits is one key; added while it is being worked on, it comes again when
// Done is called. Failures come back through AddRateLimited after 5 ms · 2^failures, at most 1000 s
// (client-go's figures); Forget ends the count. Bound: beyond max_keys a new key is not stored but
// `overflowed` is remembered; when the queue has drained to half, on_overflow is called, and the
// owner adds again everything its caches hold. So nothing is lost and memory is bounded. Thread:
// the Loop's. on_ready is posted, never called from within Add.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "absl/time/time.h"
#include "client/loop.h"

namespace pintle::client {

struct WorkQueueOptions {
  absl::Duration base_delay = absl::Milliseconds(5);
  absl::Duration max_delay = absl::Seconds(1000);
  size_t max_keys = 200000;
};

class WorkQueue {
 public:
  WorkQueue(Loop& loop, WorkQueueOptions options, std::function<void()> on_ready,
            std::function<void()> on_overflow);

  void Add(const std::string& key);
  void AddAfter(const std::string& key, absl::Duration delay);  // the earliest of several counts
  void AddRateLimited(const std::string& key);
  void Forget(const std::string& key) { failures_.erase(key); }
  int failures(const std::string& key) const;

  std::optional<std::string> Get();  // the caller works on it until Done
  void Done(const std::string& key);

  size_t size() const { return queue_.size(); }
  size_t delayed() const { return delayed_.size(); }

 private:
  void Ready();
  void ArmTimer();
  void OnTimer();

  Loop& loop_;
  const WorkQueueOptions options_;
  std::function<void()> on_ready_;
  std::function<void()> on_overflow_;

  std::deque<std::string> queue_;
  std::unordered_set<std::string> dirty_;
  std::unordered_set<std::string> processing_;
  std::unordered_map<std::string, int> failures_;
  std::unordered_map<std::string, absl::Time> delayed_;
  std::set<std::pair<absl::Time, std::string>> by_time_;
  absl::Time armed_for_ = absl::InfiniteFuture();
  Loop::Timer timer_;
  bool overflowed_ = false;
  bool ready_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client

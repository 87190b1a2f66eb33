// EventQueue: virtual time. What is to happen lies in a queue by time; running an event is the only
// thing that makes time pass. Events of the same moment run in the order in which they were added.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/replica/clock.h"

namespace pintle::sim {

class EventQueue {
 public:
  using Action = std::function<void()>;

  absl::Duration now() const { return now_; }

  void After(absl::Duration delay, Action action) {
    events_.push_back({now_ + delay, ++added_, std::move(action)});
    std::push_heap(events_.begin(), events_.end(), Later);
  }

  bool empty() const { return events_.empty(); }
  absl::Duration next() const { return events_.front().at; }

  void RunNext() {
    std::pop_heap(events_.begin(), events_.end(), Later);
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    event.action();
  }

 private:
  struct Event {
    absl::Duration at;
    uint64_t order;
    Action action;
  };
  static bool Later(const Event& a, const Event& b) {
    return std::pair(a.at, a.order) > std::pair(b.at, b.order);
  }

  absl::Duration now_ = absl::ZeroDuration();
  uint64_t added_ = 0;
  std::vector<Event> events_;  // a heap, the next one first
};

// The queue's time as one member sees it: begins anywhere and runs a little fast or slow.
class VirtualClock final : public server::replica::Clock {
 public:
  VirtualClock(const EventQueue& queue, absl::Duration offset, double rate)
      : queue_(queue), offset_(offset), rate_(rate) {}
  absl::Time Now() const override { return absl::UnixEpoch() + offset_ + queue_.now() * rate_; }

 private:
  const EventQueue& queue_;
  const absl::Duration offset_;
  const double rate_;
};

}  // namespace pintle::sim

// A Loop of virtual time: nothing runs until the test says so, and the same test always runs the
// same way.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "client/loop.h"

namespace pintle::client::testing {

class VirtualExecutor final : public net::Executor {
 public:
  void Post(absl::AnyInvocable<void()> work) override { posted_.push_back(std::move(work)); }

  std::unique_ptr<Timer> After(absl::Duration delay, absl::AnyInvocable<void()> work) override {
    const Key key{now_ + std::max(delay, absl::ZeroDuration()), next_++};
    timers_.emplace(key, std::move(work));
    return std::make_unique<VirtualTimer>(*this, key);
  }

  bool OnThread() const override { return true; }
  absl::Time now() const { return now_; }

  // Everything that is due now, in order, until nothing is.
  void RunReady() {
    while (!posted_.empty()) {
      absl::AnyInvocable<void()> work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }

  void Advance(absl::Duration duration) {
    const absl::Time until = now_ + duration;
    RunReady();
    while (!timers_.empty() && timers_.begin()->first.first <= until) {
      auto due = timers_.extract(timers_.begin());
      now_ = std::max(now_, due.key().first);
      due.mapped()();
      RunReady();
    }
    now_ = until;
  }

  // Steps of `step` until the condition holds; false when it does not within `limit`.
  bool AdvanceUntil(const std::function<bool()>& condition, absl::Duration limit,
                    absl::Duration step = absl::Milliseconds(20)) {
    const absl::Time until = now_ + limit;
    RunReady();
    while (!condition()) {
      if (now_ >= until) return false;
      Advance(step);
    }
    return true;
  }

 private:
  using Key = std::pair<absl::Time, uint64_t>;
  class VirtualTimer final : public Timer {
   public:
    VirtualTimer(VirtualExecutor& executor, Key key) : executor_(executor), key_(key) {}
    ~VirtualTimer() override { executor_.timers_.erase(key_); }

   private:
    VirtualExecutor& executor_;
    Key key_;
  };

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  uint64_t next_ = 0;
  std::deque<absl::AnyInvocable<void()>> posted_;
  std::map<Key, absl::AnyInvocable<void()>> timers_;
};

struct VirtualLoop {
  VirtualExecutor executor;
  Loop loop{executor, [this] { return executor.now(); }, std::mt19937_64(7)};
};

}  // namespace pintle::client::testing

#include "net/event_loop.h"

#include <algorithm>
#include <asio/error_code.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <utility>

namespace pintle::net {

class EventLoop::LoopTimer final : public Executor::Timer {
 public:
  explicit LoopTimer(std::shared_ptr<TimerQueue> queue) : queue_(std::move(queue)) {}
  ~LoopTimer() override {
    if (queue_ == nullptr) return;  // has fired
    TimerMap::node_type node;       // its work is destroyed after the lock is given back
    std::lock_guard lock(queue_->mutex);
    node = queue_->entries.extract(at_);
  }

  void Fired() { queue_.reset(); }

  std::shared_ptr<TimerQueue> queue_;
  TimerMap::iterator at_;
};

EventLoop::~EventLoop() { DropWork(); }

void EventLoop::Post(absl::AnyInvocable<void()> work) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    wake = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (wake) asio::post(io_, [this] { RunPosted(); });
}

void EventLoop::RunPosted() {
  std::vector<absl::AnyInvocable<void()>> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(posted_);
  }
  Turn turn(*this);
  for (absl::AnyInvocable<void()>& work : batch) {
    work();
    work = nullptr;  // what it holds goes now, not when the whole batch is done
  }
}

void EventLoop::RequestFlush(std::shared_ptr<Flushable> flushable) {
  to_flush_.push_back(std::move(flushable));
  if (turn_depth_ > 0 || flush_posted_) return;
  flush_posted_ = true;
  asio::post(io_, [this] { FlushAll(); });
}

void EventLoop::FlushAll() {
  flush_posted_ = false;
  if (to_flush_.empty()) return;
  std::vector<std::shared_ptr<Flushable>> batch;
  batch.swap(to_flush_);
  ++turn_depth_;  // what asks to be flushed meanwhile waits for the next round: others get their
                  // turn first
  for (const std::shared_ptr<Flushable>& flushable : batch) flushable->Flush();
  --turn_depth_;
  if (to_flush_.empty()) {
    batch.clear();
    if (to_flush_.empty()) to_flush_.swap(batch);  // keeps the capacity
    return;
  }
  flush_posted_ = true;
  asio::post(io_, [this] { FlushAll(); });
}

std::unique_ptr<Executor::Timer> EventLoop::After(absl::Duration delay,
                                                  absl::AnyInvocable<void()> work) {
  const absl::Duration bounded =
      std::clamp(delay, absl::ZeroDuration(), absl::Hours(24 * 3650));  // keeps the sum in range
  const Clock::time_point at = Clock::now() + absl::ToChronoNanoseconds(bounded);
  auto timer = std::make_unique<LoopTimer>(timers_);
  {
    std::lock_guard lock(timers_->mutex);
    timer->at_ = timers_->entries.emplace(at, TimerEntry{std::move(work), timer.get()});
  }
  if (OnThread()) {
    ArmTimer(at);
  } else {
    Post([this, at] { ArmTimer(at); });
  }
  return timer;
}

void EventLoop::ArmTimer(Clock::time_point at) {
  if (at >= armed_for_) return;
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) OnTimer();
  });
}

void EventLoop::OnTimer() {
  armed_for_ = Clock::time_point::max();
  Turn turn(*this);
  const Clock::time_point now = Clock::now();
  while (true) {
    TimerMap::node_type due;
    {
      std::lock_guard lock(timers_->mutex);
      if (timers_->entries.empty()) return;
      const auto first = timers_->entries.begin();
      if (first->first > now) {
        ArmTimer(first->first);
        return;
      }
      due = timers_->entries.extract(first);
      due.mapped().owner->Fired();
    }
    due.mapped().work();
  }
}

void EventLoop::Run() {
  thread_id_ = std::this_thread::get_id();
  const auto guard = asio::make_work_guard(io_);
  io_.run();
}

void EventLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  io_.stop();
}

void EventLoop::DropWork() {
  std::vector<absl::AnyInvocable<void()>> posted;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    posted.swap(posted_);
  }
  posted.clear();
  std::vector<std::shared_ptr<Flushable>> to_flush;
  to_flush.swap(to_flush_);
}

}  // namespace pintle::net

#include "client/work_queue.h"

#include <algorithm>
#include <utility>

namespace pintle::client {

WorkQueue::WorkQueue(Loop& loop, WorkQueueOptions options, std::function<void()> on_ready,
                     std::function<void()> on_overflow)
    : loop_(loop),
      options_(options),
      on_ready_(std::move(on_ready)),
      on_overflow_(std::move(on_overflow)) {}

void WorkQueue::Ready() {
  if (ready_posted_ || queue_.empty()) return;
  ready_posted_ = true;
  std::weak_ptr<bool> alive = alive_;
  loop_.executor.Post([this, alive] {
    if (alive.expired()) return;
    ready_posted_ = false;
    on_ready_();
  });
}

void WorkQueue::Add(const std::string& key) {
  if (dirty_.contains(key)) return;
  if (dirty_.size() >= options_.max_keys) {
    overflowed_ = true;
    return;
  }
  dirty_.insert(key);
  if (processing_.contains(key)) return;
  queue_.push_back(key);
  Ready();
}

void WorkQueue::AddAfter(const std::string& key, absl::Duration delay) {
  if (delay <= absl::ZeroDuration()) return Add(key);
  const absl::Time when = loop_.now() + delay;
  const auto found = delayed_.find(key);
  if (found != delayed_.end()) {
    if (found->second <= when) return;
    by_time_.erase({found->second, key});
    found->second = when;
  } else if (delayed_.size() >= options_.max_keys) {
    overflowed_ = true;
    return;
  } else {
    delayed_.emplace(key, when);
  }
  by_time_.emplace(when, key);
  ArmTimer();
}

void WorkQueue::AddRateLimited(const std::string& key) {
  const int failures = failures_[key]++;
  absl::Duration delay = options_.max_delay;
  if (failures < 30) {
    delay = std::min(delay, options_.base_delay * static_cast<double>(uint64_t{1} << failures));
  }
  AddAfter(key, delay);
}

int WorkQueue::failures(const std::string& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

std::optional<std::string> WorkQueue::Get() {
  if (queue_.empty()) return std::nullopt;
  std::string key = std::move(queue_.front());
  queue_.pop_front();
  dirty_.erase(key);
  processing_.insert(key);
  if (overflowed_ && dirty_.size() <= options_.max_keys / 2) {
    overflowed_ = false;
    on_overflow_();
  }
  return key;
}

void WorkQueue::Done(const std::string& key) {
  processing_.erase(key);
  if (!dirty_.contains(key)) return;
  queue_.push_back(key);
  Ready();
}

void WorkQueue::ArmTimer() {
  if (by_time_.empty() || by_time_.begin()->first >= armed_for_) return;
  armed_for_ = by_time_.begin()->first;
  timer_ =
      loop_.After(std::max(armed_for_ - loop_.now(), absl::ZeroDuration()), [this] { OnTimer(); });
}

void WorkQueue::OnTimer() {
  armed_for_ = absl::InfiniteFuture();
  const absl::Time now = loop_.now();
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const std::string key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    delayed_.erase(key);
    Add(key);
  }
  ArmTimer();
}

}  // namespace pintle::client

#include "server/replica/proposals.h"

namespace pintle::server::replica {

bool Proposals::Add(uint64_t id, size_t bytes, absl::Time deadline, Done& done,
                    raft::Payload payload) {
  const std::lock_guard lock(mutex_);
  if (waiters_.size() >= limit_ || bytes_ + bytes > kMostBytes) return false;
  bytes_ += bytes;
  waiters_[id] = Waiter{std::move(done), bytes, kNotSent, std::move(payload)};
  deadlines_.emplace_back(deadline, id);
  return true;
}

bool Proposals::MarkSent(uint64_t id, uint64_t term) {
  const std::lock_guard lock(mutex_);
  const auto it = waiters_.find(id);
  if (it == waiters_.end()) return false;
  it->second.sent_in_term = term;
  return true;
}

std::optional<Proposals::Done> Proposals::TakeLocked(uint64_t id) {
  const auto it = waiters_.find(id);
  if (it == waiters_.end()) return std::nullopt;
  std::optional<Done> done = std::move(it->second.done);
  bytes_ -= it->second.bytes;
  waiters_.erase(it);
  return done;
}

std::optional<Proposals::Done> Proposals::Take(uint64_t id) {
  const std::lock_guard lock(mutex_);
  return TakeLocked(id);
}

std::vector<std::optional<Proposals::Done>> Proposals::TakeMany(std::span<const uint64_t> ids) {
  std::vector<std::optional<Done>> taken;
  taken.reserve(ids.size());
  const std::lock_guard lock(mutex_);
  for (const uint64_t id : ids) taken.push_back(TakeLocked(id));
  // Answered ones at the front need no deadline any more: keeps the queue as short as the waiters
  // are.
  while (!deadlines_.empty() && !waiters_.contains(deadlines_.front().second))
    deadlines_.pop_front();
  return taken;
}

std::vector<Proposals::Done> Proposals::TakeExpired(absl::Time now) {
  std::vector<Done> expired;
  const std::lock_guard lock(mutex_);
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    if (auto done = TakeLocked(deadlines_.front().second)) expired.push_back(std::move(*done));
    deadlines_.pop_front();
  }
  return expired;
}

Proposals::Lost Proposals::TakeLostBefore(uint64_t term) {
  Lost lost;
  const std::lock_guard lock(mutex_);
  for (const auto& [deadline, id] : deadlines_) {
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) continue;
    Waiter& waiter = found->second;
    if (waiter.sent_in_term == kNotSent || waiter.sent_in_term >= term) continue;
    if (waiter.payload) {
      waiter.sent_in_term = kNotSent;
      lost.again.push_back({id, waiter.payload});
    } else {
      lost.answer.push_back(*TakeLocked(id));
    }
  }
  return lost;
}

void Proposals::SentMayBeApplied() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, waiter] : waiters_) {
    if (waiter.sent_in_term != kNotSent) waiter.sent_in_term = kNeverLost;
  }
}

std::vector<Proposals::Done> Proposals::TakeAll() {
  std::vector<Done> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [deadline, id] : deadlines_) {
    if (auto done = TakeLocked(id)) all.push_back(*std::move(done));
  }
  deadlines_.clear();
  return all;
}

size_t Proposals::size() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace pintle::server::replica

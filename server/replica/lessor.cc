#include "server/replica/lessor.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "base/canary.h"

namespace pintle::server::replica {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kNameAgainAfter = 3 * kSecond;
constexpr int64_t kLookAgainAfter = kSecond;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr size_t kFewLooks = 1024;

int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

// Spreads leases that were granted, or inherited, at the same moment: the same on every run.
uint64_t Mix(uint64_t id) {
  id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9;
  id = (id ^ (id >> 27)) * 0x94d049bb133111eb;
  return id ^ (id >> 31);
}

}  // namespace

Lessor::Lessor(const std::vector<kv::LeaseInfo>& known, Options options)
    : election_timeout_(absl::ToInt64Microseconds(options.election_timeout)),
      checkpoint_interval_(absl::ToInt64Microseconds(options.checkpoint_interval)) {
  Reset(known, absl::UnixEpoch());
}

void Lessor::Reset(const std::vector<kv::LeaseInfo>& known, absl::Time now) {
  const std::lock_guard lock(mutex_);
  clocks_.clear();
  for (const auto& lease : known) {
    clocks_[lease.id] = {.ttl_seconds = lease.granted_ttl_seconds,
                         .remaining_ttl_seconds = lease.remaining_ttl_seconds,
                         .expires = kNever};
  }
  if (leader_) WindAll(now);
}

void Lessor::WindAll(absl::Time now) {
  queue_.clear();
  queue_.reserve(clocks_.size());
  for (auto& [id, clock] : clocks_) {
    const bool believed = PINTLE_CANARY("lease_by_wall_clock") && clock.expires != kNever;
    if (!believed) {
      clock.expires = Micros(now) + clock.remaining_ttl_seconds * kSecond + election_timeout_;
    }
    clock.written_down = clock.remaining_ttl_seconds < clock.ttl_seconds;
    LookFirst(id, clock, Micros(now));
  }
}

bool Lessor::HasCheckpoints(const Clock& clock) const {
  return clock.ttl_seconds * kSecond > checkpoint_interval_;
}

void Lessor::LookAt(kv::LeaseId id, Clock& clock, int64_t at) {
  clock.look_at = at;
  queue_.push_back({at, id});
  std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
}

void Lessor::LookFirst(kv::LeaseId id, Clock& clock, int64_t now) {
  int64_t at = clock.expires;
  if (HasCheckpoints(clock)) {
    const auto interval = static_cast<uint64_t>(std::max<int64_t>(checkpoint_interval_, 1));
    const uint64_t part = Mix(static_cast<uint64_t>(id.value())) % interval;
    at = std::min(at, now + 1 + static_cast<int64_t>(part));
  }
  LookAt(id, clock, at);
}

void Lessor::Granted(kv::LeaseId id, int64_t ttl_seconds, absl::Time now) {
  const std::lock_guard lock(mutex_);
  Clock& clock = clocks_[id];
  clock = {.ttl_seconds = ttl_seconds,
           .remaining_ttl_seconds = ttl_seconds,
           .expires = Micros(now) + ttl_seconds * kSecond};
  if (leader_) LookFirst(id, clock, Micros(now));
}

void Lessor::RevocationOnItsWay(kv::LeaseId id) {
  const std::lock_guard lock(mutex_);
  if (leader_) named_.insert(id);
}

void Lessor::RevocationRefused(kv::LeaseId id) {
  const std::lock_guard lock(mutex_);
  named_.erase(id);
}

void Lessor::Revoked(kv::LeaseId id) {
  const std::lock_guard lock(mutex_);
  clocks_.erase(id);
  named_.erase(id);
  DropOldLooks();
}

// What was revoked long before its time would stay in the queue until then.
void Lessor::DropOldLooks() {
  if (queue_.size() < kFewLooks || queue_.size() < 2 * clocks_.size()) return;
  std::erase_if(queue_, [this](const Look& look) {
    const auto it = clocks_.find(look.id);
    return it == clocks_.end() || it->second.look_at != look.at;
  });
  std::make_heap(queue_.begin(), queue_.end(), std::greater<>());
}

void Lessor::Checkpointed(kv::LeaseId id, int64_t remaining_ttl_seconds, absl::Time now) {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  if (it == clocks_.end()) return;
  Clock& clock = it->second;
  const bool whole = remaining_ttl_seconds <= 0;
  clock.remaining_ttl_seconds = whole ? clock.ttl_seconds : remaining_ttl_seconds;
  if (!leader_) return;
  if (!whole) {
    clock.written_down = true;
  } else {
    // It may be an earlier leader's renewal, promised by now and applied only after we had wound
    // this clock by what was written down before.
    clock.expires = std::max(clock.expires, Micros(now) + clock.ttl_seconds * kSecond);
  }
}

void Lessor::BecameLeader(absl::Time now) {
  const std::lock_guard lock(mutex_);
  leader_ = true;
  named_.clear();
  WindAll(now);
}

void Lessor::LostLeadership() {
  const std::lock_guard lock(mutex_);
  leader_ = false;
  queue_ = {};
}

Lessor::Renewal Lessor::KeepAlive(kv::LeaseId id, absl::Time now) {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  if (it == clocks_.end() || it->second.expires <= Micros(now)) return {};
  Clock& clock = it->second;
  if (named_.contains(id)) return {.unsure = true};
  clock.expires = Micros(now) + clock.ttl_seconds * kSecond;
  return {.ttl_seconds = clock.ttl_seconds,
          .replicate = clock.written_down && !PINTLE_CANARY("renewal_not_replicated"),
          .checkpoint = clock.checkpoint};
}

void Lessor::Undone(kv::LeaseId id, uint32_t checkpoint) {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  // A later checkpoint may be applied behind what undid this one.
  if (it != clocks_.end() && it->second.checkpoint == checkpoint) it->second.written_down = false;
}

LocalMember::LeaseTime Lessor::TimeToLive(kv::LeaseId id, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  if (it == clocks_.end()) return {};
  const Clock& clock = it->second;
  return {(clock.expires - Micros(now)) / kSecond, clock.ttl_seconds};
}

Lessor::Due Lessor::TakeDue(absl::Time now, size_t most_expired, size_t most_checkpoints) {
  Due due;
  const std::lock_guard lock(mutex_);
  if (!leader_) return due;
  while (!queue_.empty() && queue_.front().at <= Micros(now)) {
    if (due.expired.size() == most_expired || due.checkpoints.size() == most_checkpoints) break;
    const Look look = queue_.front();
    std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
    queue_.pop_back();
    const auto it = clocks_.find(look.id);
    if (it == clocks_.end() || it->second.look_at != look.at) continue;
    LookAround(look.id, it->second, Micros(now), due);
  }
  return due;
}

void Lessor::LookAround(kv::LeaseId id, Clock& clock, int64_t now, Due& due) {
  if (clock.expires <= now) {
    due.expired.push_back(id);
    named_.insert(id);
    return LookAt(id, clock, now + kNameAgainAfter);
  }
  if (!HasCheckpoints(clock)) return LookAt(id, clock, clock.expires);
  const int64_t remaining = (clock.expires - now + kSecond - 1) / kSecond;
  if (remaining < clock.remaining_ttl_seconds) {
    clock.checkpoint = ++last_checkpoint_;
    clock.written_down = true;
    due.checkpoints.push_back({id, remaining});
  }
  LookAt(id, clock, std::min(clock.expires, now + checkpoint_interval_));
}

void Lessor::NotProposed(const std::vector<kv::LeaseCheckpointRequest::Item>& checkpoints,
                         absl::Time now) {
  const std::lock_guard lock(mutex_);
  if (!leader_) return;
  for (const auto& item : checkpoints) {
    const auto it = clocks_.find(item.id);
    if (it != clocks_.end()) LookAt(item.id, it->second, Micros(now) + kLookAgainAfter);
  }
}

void Lessor::SortByExpiry(std::vector<kv::LeaseId>& ids) const {
  std::vector<std::pair<int64_t, kv::LeaseId>> timed;
  timed.reserve(ids.size());
  {
    const std::lock_guard lock(mutex_);
    for (const kv::LeaseId id : ids) {
      const auto it = clocks_.find(id);
      timed.emplace_back(leader_ && it != clocks_.end() ? it->second.expires : kNever, id);
    }
  }
  std::sort(timed.begin(), timed.end());
  std::transform(timed.begin(), timed.end(), ids.begin(),
                 [](const auto& one) { return one.second; });
}

}  // namespace pintle::server::replica

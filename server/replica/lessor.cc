#include "server/replica/lessor.h"

#include <algorithm>

#include "base/canary.h"

namespace pintle::server::replica {
namespace {
constexpr absl::Duration kNameAgainAfter = absl::Seconds(3);
}  // namespace

Lessor::Lessor(const std::vector<kv::LeaseInfo>& known, absl::Duration election_timeout)
    : election_timeout_(election_timeout) {
  Reset(known, absl::InfiniteFuture());
}

void Lessor::Reset(const std::vector<kv::LeaseInfo>& known, absl::Time now) {
  const std::lock_guard lock(mutex_);
  clocks_.clear();
  for (const auto& lease : known) {
    clocks_[lease.id] = {lease.granted_ttl_seconds, lease.remaining_ttl_seconds,
                         absl::InfiniteFuture()};
  }
  if (leader_) WindAll(now);
}

void Lessor::WindAll(absl::Time now) {
  for (auto& [id, clock] : clocks_) {
    clock.expires = now + absl::Seconds(clock.remaining_ttl_seconds) + election_timeout_;
    clock.not_named_before = absl::InfinitePast();
  }
}

void Lessor::Granted(kv::LeaseId id, int64_t ttl_seconds, absl::Time now) {
  const std::lock_guard lock(mutex_);
  clocks_[id] = {ttl_seconds, ttl_seconds, now + absl::Seconds(ttl_seconds)};
}

void Lessor::Revoked(kv::LeaseId id) {
  const std::lock_guard lock(mutex_);
  clocks_.erase(id);
  named_.erase(id);
}

void Lessor::BecameLeader(absl::Time now) {
  const std::lock_guard lock(mutex_);
  leader_ = true;
  named_.clear();
  if (!PINTLE_CANARY("lease_by_wall_clock")) WindAll(now);
}

void Lessor::LostLeadership() {
  const std::lock_guard lock(mutex_);
  leader_ = false;
}

int64_t Lessor::KeepAlive(kv::LeaseId id, absl::Time now) {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  if (it == clocks_.end() || it->second.expires <= now || named_.contains(id)) return 0;
  it->second.expires = now + absl::Seconds(it->second.ttl_seconds);
  it->second.remaining_ttl_seconds = it->second.ttl_seconds;
  return it->second.ttl_seconds;
}

LocalMember::LeaseTime Lessor::TimeToLive(kv::LeaseId id, absl::Time now) const {
  const std::lock_guard lock(mutex_);
  const auto it = clocks_.find(id);
  if (it == clocks_.end() || it->second.expires <= now || named_.contains(id)) return {};
  return {absl::ToInt64Seconds(it->second.expires - now), it->second.ttl_seconds};
}

std::vector<kv::LeaseId> Lessor::TakeExpired(absl::Time now, size_t most) {
  std::vector<kv::LeaseId> expired;
  const std::lock_guard lock(mutex_);
  if (!leader_) return expired;
  for (auto& [id, clock] : clocks_) {
    if (expired.size() == most) break;
    if (clock.expires > now || clock.not_named_before > now) continue;
    clock.not_named_before = now + kNameAgainAfter;
    expired.push_back(id);
    named_.insert(id);
  }
  std::sort(expired.begin(), expired.end());
  return expired;
}

}  // namespace pintle::server::replica

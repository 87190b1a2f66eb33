#include "server/kube/shared_leases.h"

#include <algorithm>
#include <utility>

#include "server/kube/random.h"
#include "server/kube/store_txn.h"

namespace pintle::server::kube {

void SharedLeases::Acquire(absl::Duration ttl, absl::Time now, Acquired done) {
  const absl::Duration window = std::min(ttl / 20, absl::Minutes(1));
  kv::LeaseId usable;
  bool grant = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Bucket& bucket = buckets_[ttl];
    if (bucket.id.value() != 0 && now < bucket.until) {
      usable = bucket.id;
    } else {
      bucket.waiting.push_back(std::move(done));
      grant = !std::exchange(bucket.granting, true);
    }
  }
  if (usable.value() != 0) return done(usable);
  if (!grant) return;
  const kv::LeaseId id(RandomPositive());
  member_.Propose(replica::RequestKind::kLeaseGrant,
                  EncodeLeaseGrant(id, absl::ToInt64Seconds(ttl + window)),
                  [this, ttl, id, until = now + window](absl::StatusOr<replica::Applied> applied) {
                    Granted(ttl, until, id, applied.status());
                  });
}

void SharedLeases::Granted(absl::Duration ttl, absl::Time until, kv::LeaseId id,
                           const absl::Status& status) {
  std::vector<Acquired> waiting;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Bucket& bucket = buckets_[ttl];
    bucket.granting = false;
    if (status.ok()) {
      bucket.id = id;
      bucket.until = until;
    }
    waiting.swap(bucket.waiting);
  }
  for (Acquired& each : waiting) {
    if (status.ok()) {
      each(id);
    } else {
      each(status);
    }
  }
}

void SharedLeases::Forget(kv::LeaseId id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [ttl, bucket] : buckets_) {
    if (bucket.id == id) bucket.until = absl::InfinitePast();
  }
}

}  // namespace pintle::server::kube

// Lessor: the clocks of leases. Time lives here and not in the replicated store: the store knows
// ids and TTLs, the leader's lessor knows how much is left, and proposes the revocation when
// nothing is (etcd-api 1.3).
//
// Every member follows grants and revocations; only the leader's clocks count. A new leader gives
// every lease its whole TTL (or what was checkpointed) and one election timeout: a lease may live
// longer through a leader change, never shorter. Time is passed in, so that tests need no clock.
// Threads: any; one mutex.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "kv/read_view.h"
#include "kv/types.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Lessor {
 public:
  Lessor(const std::vector<kv::LeaseInfo>& known, absl::Duration election_timeout);

  // The store has another content.
  void Reset(const std::vector<kv::LeaseInfo>& known, absl::Time now);

  // Apply has granted or revoked one.
  void Granted(kv::LeaseId id, int64_t ttl_seconds, absl::Time now);
  void Revoked(kv::LeaseId id);

  void BecameLeader(absl::Time now);
  void LostLeadership();

  // Whole TTL again; its seconds, 0 when unknown or already expired. Leader only.
  int64_t KeepAlive(kv::LeaseId id, absl::Time now);
  LocalMember::LeaseTime TimeToLive(kv::LeaseId id, absl::Time now) const;

  // Leases whose time is up, at most `most`; each is named again after a while, in case its
  // revocation was lost.
  std::vector<kv::LeaseId> TakeExpired(absl::Time now, size_t most);

 private:
  struct Clock {
    int64_t ttl_seconds = 0;
    int64_t remaining_ttl_seconds = 0;  // at the last checkpoint
    absl::Time expires;
    absl::Time not_named_before = absl::InfinitePast();
  };

  void WindAll(absl::Time now);

  const absl::Duration election_timeout_;
  mutable std::mutex mutex_;
  bool leader_ = false;
  absl::flat_hash_map<kv::LeaseId, Clock> clocks_;
  // In this time of leading. Their revocation may be on its way: they are not renewed any more,
  // also when an older content of the store has them again.
  absl::flat_hash_set<kv::LeaseId> named_;
};

}  // namespace pintle::server::replica

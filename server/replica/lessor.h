// Lessor: the clocks of leases. Time lives here and not in the replicated store: the store knows
// ids and TTLs, the leader's lessor knows how much is left, and proposes the revocation when
// nothing is (etcd-api 1.3).
//
// Every member follows grants, revocations and checkpoints; only the leader's clocks count. A new
// leader gives every lease what was left at its last checkpoint (its whole TTL when there is none)
// and one election timeout: a lease may live longer through a change of leaders, by at most one
// checkpoint interval and that timeout, and never shorter.
//
// Never shorter needs one more thing. Once what is left has been written down (a checkpoint), a
// renewal is only promised when the log says that it does not hold any more: KeepAlive says so
// (`replicate`), its caller proposes a checkpoint of "the whole TTL", and tells us when that was
// applied (Undone). What is asked before costs nothing.
//
// Time is passed in, so that tests need no clock. Threads: any; one mutex. Costs: a renewal O(1); a
// look for what is due O(log n) for each lease that is. Memory: tests/replica/lessor_test.cc.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "kv/command.h"
#include "kv/read_view.h"
#include "kv/types.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Lessor {
 public:
  struct Options {
    absl::Duration election_timeout = absl::Seconds(1);
    // Leases with a shorter TTL have no checkpoints: a change of leaders cannot prolong them by
    // more.
    absl::Duration checkpoint_interval = absl::Minutes(5);
  };
  Lessor(const std::vector<kv::LeaseInfo>& known, Options options);

  // The store has another content.
  void Reset(const std::vector<kv::LeaseInfo>& known, absl::Time now);

  // A revocation is in the leader's log and will be applied; or was, and has been refused.
  void RevocationOnItsWay(kv::LeaseId id);
  void RevocationRefused(kv::LeaseId id);
  // Apply has granted or revoked one, or written down what was left of it (0: its whole TTL).
  void Granted(kv::LeaseId id, int64_t ttl_seconds, absl::Time now);
  void Revoked(kv::LeaseId id);
  void Checkpointed(kv::LeaseId id, int64_t remaining_ttl_seconds, absl::Time now);

  void BecameLeader(absl::Time now);
  void LostLeadership();

  // Whole TTL again. Leader only.
  struct Renewal {
    int64_t ttl_seconds = 0;  // 0: unknown, or expired
    bool unsure = false;      // its revocation is under way, and may be refused: ask again
    // Not to be promised before a checkpoint of 0 is applied, then Undone(id, checkpoint).
    bool replicate = false;
    uint32_t checkpoint = 0;
  };
  Renewal KeepAlive(kv::LeaseId id, absl::Time now);
  void Undone(kv::LeaseId id, uint32_t checkpoint);
  // As long as it has not been revoked, as in etcd: 0, then less, while that is on its way.
  LocalMember::LeaseTime TimeToLive(kv::LeaseId id, absl::Time now) const;

  // What is due, at most so much of each; empty but for a leader.
  struct Due {
    std::vector<kv::LeaseId>
        expired;  // each is named again after a while: a revocation may be lost
    std::vector<kv::LeaseCheckpointRequest::Item> checkpoints;
  };
  Due TakeDue(absl::Time now, size_t most_expired, size_t most_checkpoints);
  // These have not reached the log.
  void NotProposed(const std::vector<kv::LeaseCheckpointRequest::Item>& checkpoints,
                   absl::Time now);

  // By what is left of them; by id where that is not known (etcd-api 1.3).
  void SortByExpiry(std::vector<kv::LeaseId>& ids) const;

 private:
  // Times are microseconds since the clock's epoch: the largest TTL fits.
  struct Clock {
    int64_t ttl_seconds = 0;
    int64_t remaining_ttl_seconds = 0;  // as the store has it
    int64_t expires = 0;                // a leader's
    int64_t look_at = 0;                // its place in queue_
    uint32_t checkpoint = 0;            // the last one taken in this time of leading
    // The log says, or may come to say, that less than the whole TTL is left.
    bool written_down = false;
  };
  // When to look at a lease again; one item per lease that counts, others are passed over.
  struct Look {
    int64_t at = 0;
    kv::LeaseId id;
    friend auto operator<=>(const Look&, const Look&) = default;
  };

  void WindAll(absl::Time now);
  bool HasCheckpoints(const Clock& clock) const;
  void LookAt(kv::LeaseId id, Clock& clock, int64_t at);
  void LookFirst(kv::LeaseId id, Clock& clock, int64_t now);
  void LookAround(kv::LeaseId id, Clock& clock, int64_t now, Due& due);
  void DropOldLooks();

  const int64_t election_timeout_;
  const int64_t checkpoint_interval_;
  mutable std::mutex mutex_;
  bool leader_ = false;
  uint32_t last_checkpoint_ = 0;
  absl::flat_hash_map<kv::LeaseId, Clock> clocks_;
  std::vector<Look> queue_;  // a heap, the earliest on top; empty but for a leader
  // In this time of leading. Their revocation may be on its way: they are not renewed any more,
  // also when an older content of the store has them again.
  absl::flat_hash_set<kv::LeaseId> named_;
};

}  // namespace pintle::server::replica

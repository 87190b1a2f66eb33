// SnapshotCounts: what became of the snapshots that members sent each other, one way, by the other
// member; for /metrics (etcd-api 4.2).
//
// One is under way per member: a further one ends the one before as failed. Any thread; a lock that
// is held for a few words. Bound: one entry for each member that there ever was since the start.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "base/counters.h"

namespace pintle::server::replica {

class SnapshotCounts {
 public:
  using Times = base::Histogram<10>;
  struct Peer {
    bool under_way = false;
    uint64_t successes = 0;
    uint64_t failures = 0;
    std::shared_ptr<const Times> took;  // those that succeeded
  };

  void Begun(uint64_t peer, absl::Time now) {
    const std::lock_guard lock(mutex_);
    Entry& entry = peers_[peer];
    if (entry.begun) ++entry.failures;
    entry.begun = now;
  }
  // Nothing, when none is under way.
  void Ended(uint64_t peer, bool success, absl::Time now) {
    const std::lock_guard lock(mutex_);
    Entry& entry = peers_[peer];
    const std::optional<absl::Time> begun = std::exchange(entry.begun, std::nullopt);
    if (!begun) return;
    ++(success ? entry.successes : entry.failures);
    if (success) entry.took->Observe(now - *begun);
  }
  std::map<uint64_t, Peer> Read() const {
    const std::lock_guard lock(mutex_);
    std::map<uint64_t, Peer> peers;
    for (const auto& [id, entry] : peers_) {
      peers[id] = {.under_way = entry.begun.has_value(),
                   .successes = entry.successes,
                   .failures = entry.failures,
                   .took = entry.took};
    }
    return peers;
  }

 private:
  struct Entry {
    std::optional<absl::Time> begun;
    uint64_t successes = 0;
    uint64_t failures = 0;
    std::shared_ptr<Times> took = std::make_shared<Times>(0.1, 2);
  };
  mutable std::mutex mutex_;
  std::map<uint64_t, Entry> peers_;
};

}  // namespace pintle::server::replica

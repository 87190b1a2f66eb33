// MemberCounters: what a member counts for /metrics, beside its status: etcd's series by their
// meaning (etcd-api §4).
//
// Owner: Member. Each is added to by the thread that does the thing, mostly the apply thread; read
// by any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "base/counters.h"
#include "kv/command.h"
#include "kv/types.h"
#include "server/replica/local_member.h"
#include "server/replica/snapshot_counts.h"

namespace pintle::server::replica {

// What is known of the other members, by id.
class PeerCounts {
 public:
  using Times = base::Histogram<16>;
  struct Peer {
    std::shared_ptr<Times> round_trips;  // of heartbeats, a leader's; null: none yet
    bool reachable = true;               // nothing is known against it
    uint64_t losses = 0;                 // how often it became unreachable
  };

  void RoundTrip(uint64_t id, absl::Duration took) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Times>& times = peers_[id].round_trips;
    if (times == nullptr) times = std::make_shared<Times>(0.0001, 2);
    times->Observe(took);
  }
  void Lost(uint64_t id) {
    const std::lock_guard lock(mutex_);
    Peer& peer = peers_[id];
    if (std::exchange(peer.reachable, false)) ++peer.losses;
  }
  void Found(uint64_t id) {
    const std::lock_guard lock(mutex_);
    peers_[id].reachable = true;
  }
  std::map<uint64_t, Peer> Read() const {
    const std::lock_guard lock(mutex_);
    return peers_;
  }

 private:
  mutable std::mutex mutex_;
  // Grows by one for each member that there ever was since the start.
  std::map<uint64_t, Peer> peers_;
};

// What was applied, by kind of request.
class ApplyTimes {
 public:
  static constexpr size_t kEdges = 20;
  using Times = base::Histogram<kEdges>;
  static constexpr size_t kKinds = 20;

  void Observe(RequestKind kind, bool success, absl::Duration took) {
    times_[Index(kind)][success ? 1 : 0].Observe(took);
  }
  // As etcd names the kind in its label "op".
  static std::string_view NameOf(size_t index);
  const Times& At(size_t index, bool success) const { return times_[index][success ? 1 : 0]; }

 private:
  static size_t Index(RequestKind kind);

  struct Edged : Times {
    Edged() : Times(0.0001, 2) {}
  };
  std::array<std::array<Edged, 2>, kKinds> times_;
};

struct MemberCounters {
  // The apply thread.
  base::Counter puts;     // in transactions too, as all of these
  base::Counter deletes;  // requests; of a revoked lease: keys
  base::Counter ranges;   // in transactions that write
  base::Counter txns;     // with more than one operation
  base::Counter put_bytes;
  base::Counter leases_granted;
  base::Counter leases_revoked;
  base::Counter slow_applies;  // above 100 ms
  base::Histogram<24> lease_ttls{1, 2};
  base::Histogram<14> store_writes{0.001, 2};
  ApplyTimes applies;
  base::Histogram<14> index_compactions_ms{0.5, 2};
  base::Histogram<13> compaction_slices_ms{1, 2};
  base::Histogram<14> compactions_ms{100, 2};
  std::atomic<int64_t> compaction_ended_ns{0};  // by the member's clock; 0: none has
  base::Counter compacted_records;
  std::atomic<bool> installing{false};  // a snapshot that has come
  // The replica thread.
  base::Counter leases_expired;
  base::Counter late_heartbeats;  // of a leader, behind their time by more than one interval
  base::Counter reads_failed;     // linearizable ones, not confirmed in time
  base::Counter reads_repeated;   // rounds of them that had to be begun again
  PeerCounts peers;
  // The snapshot thread.
  SnapshotCounts snapshots_sent;
  SnapshotCounts snapshots_received;
  base::Histogram<14> snapshot_syncs{0.001, 2};
  // Any.
  base::Counter leases_renewed;
  std::atomic<int64_t> frozen_stores{0};  // being read: backups, snapshots, checks
  base::Histogram<17> frozen_for{0.01, 2};
  base::Histogram<15> content_hashes{0.01, 2};  // Hash
  base::Histogram<15> key_hashes{0.01, 2};      // HashKV

  // What one command led to that was not refused.
  void Count(const kv::CommandResult& result, std::span<const kv::Event> events);
};

}  // namespace pintle::server::replica

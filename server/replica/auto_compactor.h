// AutoCompactor: proposes compactions by itself, as etcd's compactor does (etcd-api 5.2;
// --auto-compaction-mode, --auto-compaction-retention).
//
//   periodic   keeps what is younger than `period`. The revision is noted ten times in each
//              min(period, 1 h); after the first period, and from then on every min(period, 1 h),
//              the leader compacts to what was noted a period ago
//   revision   every five minutes the leader compacts so that `revisions` are kept
//
// Every member notes revisions, only the leader compacts: a new leader goes on where the old one
// was. A refused compaction is tried again with the next note. Time is passed in; it need not come
// regularly.
//
// Threads: Tick from one; the answers of `compact` from any (one mutex). Owner: Member.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace pintle::server::replica {

class AutoCompactor {
 public:
  // Both zero: never. At most one of them is set.
  struct Options {
    absl::Duration period;
    int64_t revisions = 0;
  };
  struct Doors {
    std::function<int64_t()> revision;  // the newest
    std::function<void(int64_t revision, std::function<void(const absl::Status&)> done)> compact;
  };
  AutoCompactor(Options options, Doors doors) : options_(options), doors_(std::move(doors)) {}

  void Tick(absl::Time now, bool is_leader);

 private:
  void TickPeriodic(absl::Time now, bool is_leader);
  void TickByRevision(absl::Time now, bool is_leader);
  void Compact(int64_t revision, absl::Time now);

  const Options options_;
  const Doors doors_;
  std::mutex mutex_;
  absl::Time next_ = absl::InfinitePast();
  std::deque<int64_t> noted_;  // at most as many as there are notes in a period
  absl::Time last_success_ = absl::InfinitePast();
  int64_t last_revision_ = 0;
  bool first_ = true;  // the first compaction waits for a whole period
  bool under_way_ = false;
};

}  // namespace pintle::server::replica

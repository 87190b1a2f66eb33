// FaceCounters: what the etcd face counts for /metrics, beside net's counts of calls (etcd-api §4).
//
// Shared by the services. Added to on the I/O threads, read by any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"

namespace pintle::server::etcd {

// Calls by the version that the client says it has. Limit: kMost versions; further ones are counted
// as "other".
class ClientVersions {
 public:
  static constexpr size_t kMost = 32;

  void Count(std::string_view version, bool stream);
  struct Calls {
    std::string version;
    uint64_t unary = 0;
    uint64_t stream = 0;
  };
  std::vector<Calls> Read() const;

 private:
  struct Slot {
    std::string version;
    base::Shards<2> counts;
  };
  Slot& Find(std::string_view version);

  // Slots below size_ do not change any more.
  std::array<Slot, kMost + 1> slots_;
  std::atomic<size_t> size_{0};
  std::mutex mutex_;
};

// The checks behind /livez and /readyz.
class ProbeCounts {
 public:
  struct Check {
    bool healthy = false;  // the last time
    uint64_t successes = 0;
    uint64_t failures = 0;
  };
  using Key = std::pair<std::string, std::string>;  // "readyz", name

  void Count(const std::string& type, const std::string& name, bool healthy);
  std::map<Key, Check> Read() const;

 private:
  mutable std::mutex mutex_;
  std::map<Key, Check> checks_;  // as many as there are checks
};

// Learners that were not promoted, by the error that was answered.
class PromotionFailures {
 public:
  void Count(std::string_view reason) {
    const std::lock_guard lock(mutex_);
    const auto known = counts_.find(reason);
    if (known != counts_.end()) {
      ++known->second;
    } else if (counts_.size() < kMost) {
      counts_.emplace(reason, 1);
    }
  }
  std::map<std::string, uint64_t, std::less<>> Read() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  static constexpr size_t kMost = 32;  // the errors' texts are a table's

  mutable std::mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> counts_;
};

// How long the turns of watch streams took, from what is to be sent to what the connection has.
struct WatchTurns {
  using Times = base::SharedHistogram<14>;
  Times events{0.001, 2};     // of one batch
  Times per_event{0.001, 2};  // the same, divided by its events
  Times controls{0.001, 2};   // "created", "canceled"
  Times progress{0.001, 2};   // answers to progress requests
};

struct FaceCounters {
  base::SharedHistogram<20> ranges{0.0001, 2};  // that were answered
  base::SharedHistogram<20> failed_ranges{0.0001, 2};
  base::Counter ranges_in_txns;  // of ranges only
  ClientVersions client_versions;
  base::Counter health_successes;
  base::Counter health_failures;
  ProbeCounts probes;
  base::Counter promotions;               // of learners, by this member as leader
  std::atomic<int64_t> watch_streams{0};  // open
  PromotionFailures promotion_failures;
  WatchTurns watch_turns;
};

}  // namespace pintle::server::etcd

// Clock: the time by which leases and deadlines are measured here. It only goes forward, whatever
// happens to the wall clock (a step of NTP must neither expire every lease nor keep requests
// waiting). What it says means nothing outside of this process and is never stored.
//
// Passed in: the simulator has a clock of its own. Threads: any.
#pragma once

#include <chrono>

#include "absl/time/time.h"

namespace pintle::server::replica {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// Production's: the machine's monotonic clock.
class SteadyClock final : public Clock {
 public:
  absl::Time Now() const override {
    return absl::UnixEpoch() +
           absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
};

}  // namespace pintle::server::replica

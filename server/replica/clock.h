// SteadyNow: the time by which leases and deadlines are measured here. It only goes forward,
// whatever happens to the wall clock (a step of NTP must neither expire every lease nor keep
// requests waiting). Means nothing outside of this process and is never stored.
#pragma once

#include <chrono>

#include "absl/time/time.h"

namespace pintle::server::replica {

inline absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace pintle::server::replica

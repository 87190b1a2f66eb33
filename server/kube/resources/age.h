// Durations as kubectl's tables print them: "5s", "2m42s", "25m", "3h12m", "2d3h", "15d", "2y10d".
#pragma once

#include <string>

#include "absl/time/time.h"

namespace pintle::server::kube {

// "<invalid>" for what lies more than two seconds in the future: clocks may differ by a little.
std::string HumanDuration(absl::Duration duration);

}  // namespace pintle::server::kube

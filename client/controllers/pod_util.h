// What controllers ask about pods.
#pragma once

#include <string_view>

#include "absl/time/time.h"
#include "client/json.h"

namespace pintle::client::controllers {

bool IsFinished(const Json& pod);  // phase Succeeded or Failed
bool IsActive(const Json& pod);    // neither finished nor being deleted
bool IsReady(const Json& pod);     // condition Ready is True
absl::Time ReadySince(const Json& pod);
// Ready for at least min_ready.
bool IsAvailable(const Json& pod, absl::Duration min_ready, absl::Time now);
int64_t RestartCount(const Json& pod);  // of the container that restarted most

// Does a list of tolerations tolerate the taint? (Scheduler and eviction alike.)
bool Tolerates(const Json& toleration, const Json& taint);

}  // namespace pintle::client::controllers

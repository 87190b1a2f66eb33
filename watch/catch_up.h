// Catching up: the events that a subscription missed, from the window as far as it reaches back,
// else from the store's history, one bounded piece per call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "watch/hub_core.h"

namespace pintle::watch {

struct Missed {
  std::vector<EventRef> events;  // in range; filters are not applied
  int64_t next = 0;      // first revision not looked at; the store may not have come to `from` yet
  int64_t revision = 0;  // the store's, at that moment
};

// `from`: first revision missed. Error: kv::ErrCompacted, or what reading the disk said.
absl::StatusOr<Missed> CatchUp(HubCore& core, const kv::KeyRange& range, int64_t from,
                               size_t max_bytes);

}  // namespace pintle::watch

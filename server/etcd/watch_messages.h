// WatchResponse messages as bytes: header and watch id per watcher, events spliced in as the hub
// encoded them, once for all (etcd-api 1.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/etcd/replies.h"
#include "watch/hub.h"

namespace pintle::server::etcd {

// What clients call the watch id of answers that concern no watch, or none that exists.
inline constexpr int64_t kNoWatch = -1;

// A response without events.
struct WatchControl {
  int64_t watch_id = kNoWatch;
  bool created = false;
  bool canceled = false;
  int64_t compact_revision = 0;
  std::string_view cancel_reason;
};
std::string EncodeWatchControl(const HeaderFacts& facts, int64_t revision,
                               const WatchControl& control);

// The responses for one batch: one, or with `fragment_bytes` > 0 as many as it takes to stay below
// that size with more than one event in each; all but the last are marked as fragments.
std::vector<std::string> EncodeWatchEvents(const HeaderFacts& facts, int64_t watch_id,
                                           const watch::Batch& batch, size_t fragment_bytes);

}  // namespace pintle::server::etcd

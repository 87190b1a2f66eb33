// What a hub and its subscriptions share; outlives whoever goes first.
//
// Locks (kv::Guarded, each held for a bounded few moves and never across a disk read or another
// subscription's work): the index (publish, subscribe, unsubscribe), then an inbox, then the
// window. They exist because events come on the apply thread and are pulled on I/O threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "kv/guarded.h"
#include "watch/event_window.h"
#include "watch/hub.h"
#include "watch/range_index.h"

namespace pintle::watch {

class HubSubscription;

struct HubCore {
  HubCore(HubOptions options, Hub::ViewSource view_source)
      : views(std::move(view_source)), window(options.window_bytes) {}

  const Hub::ViewSource views;
  kv::Guarded<EventWindow> window;
  kv::Guarded<RangeIndex<HubSubscription>> index;
  // Everything up to here has been offered to every subscription that wants it.
  std::atomic<int64_t> offered_revision{-1};

  // Figures for metrics; exact when nothing moves.
  std::atomic<int64_t> behind{0};
  std::atomic<int64_t> events_delivered{0};
};

}  // namespace pintle::watch

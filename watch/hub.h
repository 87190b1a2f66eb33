// Hub: turns what apply returns into what watchers receive.
//
// One window of recent events by revision, bounded in bytes; a subscription is a cursor into it,
// found by key or range. Events are encoded once, whoever asks. A slow subscription lags alone: it
// holds no lock that Publish needs, is served from the store's history when it falls out of the
// window, and ends as compacted only when its history is gone.
//
// Guarantees (etcd-api 1.2.2), per subscription: only matching keys; ascending (main, sub); each
// event once; a revision never split over two batches; no gap; and a progress revision R means that
// nothing <= R is still to come. They hold across Reset().
//
// Threads: Publish() and Reset() from the apply thread. Subscribe(), Next(), … from any one
// thread per subscription (its stream's I/O thread). `wake` is called from the apply thread (or
// inside Subscribe/Next) and must only post: it says "Next() may have something", once until the
// next Next() that returned more == false. It is never called after the subscription's destructor
// has returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kv/read_view.h"
#include "kv/types.h"

namespace pintle::watch {

struct HubOptions {
  size_t window_bytes = size_t{64} << 20;
};

struct SubscribeOptions {
  kv::KeyRange range;
  int64_t start_revision =
      0;  // 0: after the current revision. May lie in the future, or in the past; when that
          // past is compacted (or the number negative), Next() says so
  bool want_puts = true;  // etcd's filters NOPUT, NODELETE
  bool want_deletes = true;
  bool prev_kv = false;
};

// One event ready for delivery; `encoded` is the bytes of an mvccpb.Event (with prev_kv where asked
// for), shared between all watchers that want the same form.
struct Delivered {
  std::shared_ptr<const kv::Event> event;  // shared with the window; never null
  kv::EncodedKeyValue prev_kv;  // only with SubscribeOptions::prev_kv; null when none or compacted
  std::shared_ptr<const std::string> encoded;
};

struct Batch {
  std::vector<Delivered> events;  // whole revisions
  int64_t revision = 0;    // for the header: of the events when live, the store's when catching up
  bool more = false;       // call Next() again
  bool compacted = false;  // the subscription has ended: its history is gone
  int64_t compact_revision = 0;  // set when compacted
  absl::Status error;  // not OK: the history could not be read; the subscription has ended
};

class Subscription {
 public:
  virtual ~Subscription() = default;  // unsubscribes

  // What has come since the last call, up to about `max_bytes` (always at least one whole
  // revision). Never waits for other threads' work; may read the disk when catching up.
  virtual Batch Next(size_t max_bytes) = 0;

  // The revision R for which every matching event <= R has been returned by Next(); -1 while behind
  // or while waiting for a start revision in the future.
  virtual int64_t synced_revision() const = 0;
};

class Hub {
 public:
  using ViewSource = std::function<std::shared_ptr<const kv::ReadView>()>;

  static std::unique_ptr<Hub> Create(HubOptions options, ViewSource views);
  virtual ~Hub() = default;

  // Events of whole revisions, in order; before the store publishes them as readable. `revision` is
  // the store's revision after them.
  virtual void Publish(std::span<const kv::Event> events, int64_t revision) = 0;

  // The store has got another content (kv::Store::Reload, before the next Publish): an installed
  // snapshot, or an older position from which the log is applied again. `revision` is its revision.
  // Every subscription goes on where it was: what it has not been given comes from the new
  // history, and it ends as compacted when that does not reach back so far; what it has been given
  // does not come again when it is published again. Apply thread. Wakes everybody.
  virtual void Reset(int64_t revision) = 0;

  // `revision` (out): the store's revision at the moment of subscribing, for the "created" answer;
  // every later event is delivered.
  virtual std::unique_ptr<Subscription> Subscribe(SubscribeOptions options,
                                                  std::function<void()> wake,
                                                  int64_t& revision) = 0;

  struct Stats {
    int64_t subscriptions = 0;
    int64_t behind = 0;  // not synced ("slow watchers")
    int64_t events_delivered = 0;
    int64_t window_bytes = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace pintle::watch

// Store: the replicated state machine. Versioned keys, leases, compaction; deterministic.
//
// Owner and thread: one apply thread owns it and calls everything but view(). No clock: lease time
// is somebody else's (server/replica/lessor), who proposes LeaseRevoke when it is up. No I/O of its
// own: bytes go through Backend.
//
// Life of a batch (applier):
//     for each entry:  ApplyResult r = store.Apply(command);      // in memory, in order
//     store.Write(sequence);        // one atomic backend batch: state delta + sequence. Fails only
//     if the disk does. hub.Publish(events);          // watchers have them first, store.Publish();
//     // and only then is the revision readable.
//
// What survives a crash is a true prefix (DESIGN 5.5): sequence() after Open says up to where; the
// log replays the rest. Limits: StoreOptions. Errors: a failed backend write is final; the process
// must stop.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/command.h"
#include "kv/read_view.h"
#include "kv/types.h"

namespace pintle::kv {

struct StoreOptions {
  size_t value_cache_bytes = size_t{128} << 20;
  int compaction_slice = 1000;  // records deleted per CompactSlice()
};

class Store {
 public:
  // Reads all of the backend (keys and leases are kept in memory, values are not). The backend
  // outlives the store.
  static absl::StatusOr<std::unique_ptr<Store>> Open(Backend& backend, StoreOptions options);
  virtual ~Store() = default;

  virtual Sequence sequence() const = 0;  // of the last Write(), or what Open found

  // A crash comes back at this position or a later one: the log may be dropped up to here and no
  // further. Any thread.
  virtual Sequence durable_sequence() const = 0;

  virtual ApplyResult Apply(const Command& command) = 0;
  [[nodiscard]] virtual absl::Status Write(Sequence sequence) = 0;
  virtual void Publish() = 0;

  // Physical side of compaction: deletes one slice of dead records; true while there is more to do.
  // Called between batches. Readers are refused from the moment Compact was applied.
  virtual absl::StatusOr<bool> CompactSlice() = 0;

  // The newest published view. Any thread, never blocks.
  virtual std::shared_ptr<const ReadView> view() const = 0;

  // Logical bytes of everything readable (etcd's db size in use). Any thread.
  virtual int64_t size_bytes() const = 0;
};

}  // namespace pintle::kv

// Store: the replicated state machine. Versioned keys, leases, compaction; deterministic.
//
// Owner and thread: one apply thread owns it and calls everything that does not say "any thread".
// No clock: lease time is somebody else's (server/replica/lessor), who proposes LeaseRevoke when it
// is up. No I/O of its own: bytes go through Backend.
//
// Life of a batch (applier):
//     for each entry:  ApplyResult r = store.Apply(command);   // in memory, in order; or PutMeta
//                      store.EndEntry(index, term);            // also when it changed nothing
//     store.Write(index, term);  // one atomic backend batch: state delta + position. Fails only if
//                                // the disk does.
//     hub.Publish(events);       // watchers have them first,
//     store.Publish();           // and only then is the revision readable.
//
// What survives a crash is a true prefix (DESIGN 5.5): sequence() after Open says up to where; the
// log replays the rest. Limits: StoreOptions, kMaxMetaBytes. Errors: a failed backend write is
// final; the process must stop, or the store must get another content (Reload).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/auth/types.h"
#include "kv/backend.h"
#include "kv/command.h"
#include "kv/read_view.h"
#include "kv/types.h"

namespace pintle::kv {

struct StoreOptions {
  size_t value_cache_bytes = size_t{128} << 20;
  int compaction_slice = 1000;  // records deleted per CompactSlice()
  // A reader came upon bytes that are not what the store wrote (it gets DATA_LOSS). Any thread; not
  // called for a content that has been replaced.
  std::function<void(const absl::Status&)> on_damage = [](const absl::Status&) {};
};

class Store {
 public:
  // Of one record of PutMeta, and of its name.
  static constexpr size_t kMaxMetaBytes = size_t{1} << 20;
  static constexpr size_t kMaxMetaNameBytes = 64;

  // Reads all of the backend (keys and leases are kept in memory, values are not). DATA_LOSS when
  // it is damaged. The backend lives as long as the store or one of its views.
  static absl::StatusOr<std::unique_ptr<Store>> Open(std::shared_ptr<Backend> backend,
                                                     StoreOptions options);
  // The same with a backend that outlives the store and all views.
  static absl::StatusOr<std::unique_ptr<Store>> Open(Backend& backend, StoreOptions options);
  virtual ~Store() = default;

  // Another content: an installed snapshot, or what was rebuilt. The new view is published; old
  // views stay as they are for as long as they are held. On an error nothing has changed. What was
  // applied and not written is forgotten. watch::Hub::Reset follows.
  [[nodiscard]] virtual absl::Status Reload(std::shared_ptr<Backend> backend) = 0;

  virtual Sequence sequence() const = 0;  // of the last Write(), or what Open found
  virtual uint64_t term() const = 0;      // of the entry at sequence(); 0 when none
  virtual uint64_t hash() const = 0;      // the chain at sequence() (kv/hash_chain.h); 0: not known

  // A crash comes back at this position or a later one: the log may be dropped up to here and no
  // further. Any thread.
  virtual Sequence durable_sequence() const = 0;

  // On behalf of `caller`, who may not be allowed to (kv/auth/authorize.h).
  virtual ApplyResult ApplyFor(const auth::Caller& caller, const Command& command) = 0;
  ApplyResult Apply(const Command& command) { return ApplyFor(auth::Caller::Cluster(), command); }

  // State of the server that is replicated like the keys are: opaque bytes by name, part of the
  // entry under way, of the hash chain and of snapshots. Empty bytes: removed.
  virtual void PutMeta(std::string_view name, std::string bytes) = 0;
  // What the last PutMeta gave, written or not.
  virtual std::optional<std::string> GetMeta(std::string_view name) const = 0;

  // The entry at `sequence` has been applied, the next one begins. Positions only grow. The chain
  // there (it is hash() when that is the end of the batch); 0: not known.
  virtual uint64_t EndEntry(Sequence sequence, uint64_t term) = 0;
  // Everything applied so far. Ends the entry if EndEntry did not.
  [[nodiscard]] virtual absl::Status Write(Sequence sequence, uint64_t term) = 0;
  virtual void Publish() = 0;

  // Physical side of compaction: deletes one slice of dead records; true while there is more to do.
  // Called between batches. Readers are refused from the moment Compact was applied.
  virtual absl::StatusOr<bool> CompactSlice() = 0;
  // No slice is left: what is stored follows from what was applied alone, on every member alike.
  virtual bool compacted() const = 0;

  // What is written now, frozen: for a snapshot or a content hash. Between batches. Valid as long
  // as it is held, whatever becomes of the store.
  virtual std::shared_ptr<const BackendReader> NewSnapshot() const = 0;

  // The newest published view. Any thread, never blocks.
  virtual std::shared_ptr<const ReadView> view() const = 0;

  // Whether authentication is on in the newest published view. Any thread, costs one load.
  virtual bool auth_enabled() const = 0;

  // Logical bytes of everything readable, history and leases (etcd's db size in use). Any thread.
  virtual int64_t size_bytes() const = 0;

  // Deleted by CompactSlice since the content was opened. Apply thread.
  virtual uint64_t compacted_records() const = 0;
};

}  // namespace pintle::kv

// KvHash: etcd's HashKV, one number over the revisions that can be read (etcd-api 1.5).
//
//     CRC-32C over "key", then for each revision up to `revision`, in order: its key as etcd stores
//     it (big-endian main, '_', big-endian sub, 't' behind it for a tombstone), and the pair
//
// Of revisions up to `compact_revision` only those count that a compaction at `revision` would
// keep: the newest one of each key, unless it is a tombstone. When it would keep nothing at all,
// those count that the compaction at `compact_revision` kept. So the number does not depend on how
// far the physical side of a compaction has come, and a KvHash that was begun before a compaction
// gives what etcd remembers of it.
//
// Made by ReadView::StartKvHash. Owner and thread: one at a time. No Step reads much more than it
// is told. Errors: the backend's (DATA_LOSS: damaged, or read as such).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kv/backend.h"
#include "kv/types.h"

namespace pintle::kv {

class KvHash {
 public:
  struct Span {
    int64_t compact_revision = -1;
    int64_t revision = 0;  // > 0; the newest that counts
  };
  // What the key's newest pair was at revision `at`, if it was live: its revision, else {0,0}.
  using LiveAt = std::function<Revision(std::string_view key, int64_t at)>;
  struct Parts {
    std::shared_ptr<const BackendReader> content;  // frozen, with everything that `live_at` knows
    LiveAt live_at;
    bool keeps_some = true;  // something was live at span.revision
  };
  KvHash(Parts parts, Span span);

  absl::Status Step(size_t max_bytes);
  bool done() const { return done_; }
  // Once it is done.
  uint32_t hash() const { return hash_; }
  const Span& span() const { return span_; }

 private:
  bool Counts(Revision revision, const KeyValueView& pair) const;
  absl::Status Take(std::string_view record_key, std::string_view record);

  const Parts parts_;
  const Span span_;
  std::string from_;  // the first record that has not been read
  uint32_t hash_;
  bool done_ = false;
};

}  // namespace pintle::kv

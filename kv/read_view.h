// ReadView: the whole store as it was after one apply batch. Immutable; any thread; held by
// shared_ptr for as long as a reader needs it. (Never called a snapshot: that word is raft's.
// STYLE.md, "Words".)
//
// A view answers for every revision in [compact_revision(), revision()]. It pins key-index roots,
// not values: values come from the cache or from the backend (which blocks for a disk read on a
// miss). A compaction that overtakes a view makes its reads below the new compact revision fail
// with ErrCompacted, as in etcd; a Range or ReadOnlyTxn of the newest state (revision 0) is then
// answered from a newer view, and its `revision` says so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "kv/auth/auth_state.h"
#include "kv/command.h"
#include "kv/content_hash.h"
#include "kv/kv_hash.h"
#include "kv/types.h"

namespace pintle::kv {

struct LeaseInfo {
  LeaseId id;
  int64_t granted_ttl_seconds = 0;
  int64_t remaining_ttl_seconds =
      0;  // last checkpoint; equal to the granted one when there was none
};

class ReadView {
 public:
  virtual ~ReadView() = default;

  virtual int64_t revision() const = 0;
  virtual int64_t compact_revision() const = 0;  // -1 before the first compaction
  virtual Sequence sequence() const = 0;         // what had been applied

  // All of etcd's Range (etcd-api 1.1.3). Errors: ErrCompacted, ErrFutureRevision.
  virtual absl::StatusOr<RangeResult> Range(const RangeRequest& request) const = 0;

  // A transaction without writes and without nesting: compares and ranges on this one view.
  virtual absl::StatusOr<TxnResult> ReadOnlyTxn(const TxnRequest& request) const = 0;

  // Changes of keys in `range` with from <= revision.main <= revision(), in order, whole revisions
  // only: stops after the first revision that takes the total past `max_bytes`. `next` is the first
  // revision not looked at. Errors: ErrCompacted. Used by watchers that are behind the event
  // window.
  struct History {
    std::vector<Event> events;
    int64_t next = 0;
  };
  virtual absl::StatusOr<History> Events(const KeyRange& range, int64_t from,
                                         size_t max_bytes) const = 0;

  // The pair written at exactly this revision; null when compacted away. For prev_kv:
  // Event::previous.
  virtual EncodedKeyValue Record(Revision revision) const = 0;

  // etcd's HashKV of `span`, to be stepped; reads what is stored now and is in this view. Errors:
  // ErrCompacted when a compaction has overtaken the view (ask a newer one).
  virtual absl::StatusOr<std::unique_ptr<KvHash>> StartKvHash(KvHash::Span span) const = 0;
  // Of everything that is stored now, whatever this view shows.
  virtual std::unique_ptr<ContentHash> StartContentHash() const = 0;

  // Leases, by id; what is attached, in key order.
  virtual std::vector<LeaseInfo> Leases() const = 0;
  virtual std::optional<LeaseInfo> Lease(LeaseId id) const = 0;
  virtual std::vector<std::string> LeaseKeys(LeaseId id) const = 0;

  virtual std::vector<Alarm> Alarms() const = 0;  // those that are active, by member and type

  // Users, roles and whether they count. Lives as long as the view.
  virtual const auth::AuthState& auth() const = 0;
};

}  // namespace pintle::kv

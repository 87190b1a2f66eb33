// StoreView: the one ReadView there is; and SharedState, what views and the store have in common.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/backend.h"
#include "kv/guarded.h"
#include "kv/key_index.h"
#include "kv/lease_table.h"
#include "kv/range.h"
#include "kv/read_view.h"
#include "kv/reclaimer.h"
#include "kv/record_reader.h"
#include "kv/value_cache.h"

namespace pintle::kv {

class StoreView;

// Reached by every view, from any thread. Outlives the store for as long as somebody holds a view,
// and the backend with it.
struct SharedState {
  SharedState(std::shared_ptr<Backend> store_backend, size_t cache_bytes,
              std::function<void(const absl::Status&)> damage_listener)
      : backend(std::move(store_backend)),
        cache(cache_bytes),
        records(*backend, cache),
        on_damage(std::move(damage_listener)) {}

  // What a read ended with.
  void Note(const absl::Status& status) const {
    if (absl::IsDataLoss(status) && !replaced) on_damage(status);
  }

  const std::shared_ptr<Backend> backend;
  ValueCache cache;
  StoredRecords records;
  const std::function<void(const absl::Status&)> on_damage;
  std::atomic<bool> replaced = false;  // the store has another content
  std::atomic<int64_t> compact_revision =
      -1;  // of the newest view: older ones must not answer below it
  std::atomic<int64_t> size_bytes = 0;
  Sequence opened_sequence;  // what was found when the backend was opened: durable by itself

  // The newest view, and those that a page was cut from: who asks for the next page names their
  // revision, and gets its count and limit from their root in O(log n). Bounded in number and in
  // the bytes that old roots keep alive.
  struct Views {
    std::shared_ptr<const StoreView> newest;
    std::vector<std::shared_ptr<const StoreView>> paged;  // oldest first
  };
  static constexpr size_t kMaxPagedViews = 64;
  static constexpr uint64_t kMaxPagedBytes = uint64_t{64} << 20;
  Guarded<Views> views;
};

class StoreView : public ReadView, public std::enable_shared_from_this<StoreView> {
 public:
  struct Content {
    const KeyTree::Node* keys = nullptr;
    LeaseRoots leases;
    int64_t revision = 1;
    int64_t compact_revision = -1;
    Sequence sequence;
    std::vector<Alarm> alarms;
    std::shared_ptr<const auth::AuthState> auth;
    uint64_t retired_bytes = 0;  // Reclaimer's, at publication
  };
  StoreView(std::shared_ptr<SharedState> shared, Content content, Pin pin)
      : shared_(std::move(shared)), content_(std::move(content)), pin_(std::move(pin)) {}

  int64_t revision() const override { return content_.revision; }
  int64_t compact_revision() const override { return content_.compact_revision; }
  Sequence sequence() const override { return content_.sequence; }
  uint64_t retired_bytes() const { return content_.retired_bytes; }

  absl::StatusOr<RangeResult> Range(const RangeRequest& request) const override;
  absl::StatusOr<TxnResult> ReadOnlyTxn(const TxnRequest& request) const override;
  absl::StatusOr<History> Events(const KeyRange& range, int64_t from,
                                 size_t max_bytes) const override;
  EncodedKeyValue Record(Revision revision) const override;
  absl::StatusOr<std::unique_ptr<KvHash>> StartKvHash(KvHash::Span span) const override;
  std::unique_ptr<ContentHash> StartContentHash() const override;
  std::vector<LeaseInfo> Leases() const override { return ListLeases(content_.leases); }
  std::optional<LeaseInfo> Lease(LeaseId id) const override;
  std::vector<std::string> LeaseKeys(LeaseId id) const override {
    return KeysOf(content_.leases, id);
  }
  std::vector<Alarm> Alarms() const override { return content_.alarms; }
  const auth::AuthState& auth() const override { return *content_.auth; }

 private:
  std::shared_ptr<const BackendReader> Freeze() const;
  int64_t ReadableFrom() const;
  RangeSource Source() const;
  absl::StatusOr<RangeResult> RangeHere(const RangeRequest& request) const;
  // A record that the index knows is not in the backend: compaction has overtaken this view, or it
  // is damage.
  absl::Status Explain(const absl::Status& status, int64_t at) const;
  std::shared_ptr<const StoreView> PagedView(int64_t revision) const;
  absl::StatusOr<History> EventsOfKey(const std::string& key, int64_t from, size_t max_bytes) const;
  absl::StatusOr<History> EventsOfRange(const KeyRange& range, int64_t from,
                                        size_t max_bytes) const;

  const std::shared_ptr<SharedState> shared_;
  const Content content_;
  const Pin pin_;
};

}  // namespace pintle::kv

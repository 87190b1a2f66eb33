// History for watchers that are behind the event window: StoreView::Events.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "kv/errors.h"
#include "kv/record.h"
#include "kv/store_view.h"

namespace pintle::kv {
namespace {

// One call looks at no more records than this, whatever they are: who asks for a rare key in a long
// history gets control back in between (`next` says how far it came).
constexpr int kMaxRecordsPerCall = 20'000;

// Gathers whole revisions until there is enough.
class Gatherer {
 public:
  Gatherer(const KeyTree::Node* root, int64_t compact_revision, int64_t last, size_t max_bytes)
      : root_(root), compact_revision_(compact_revision), max_bytes_(max_bytes) {
    history_.next = last + 1;
  }

  // False: enough, and this record is not part of it. Called for every record, in order.
  bool Admit(int64_t main) {
    if (main != current_ && (bytes_ > max_bytes_ || records_ >= kMaxRecordsPerCall)) {
      history_.next = main;
      return false;
    }
    current_ = main;
    ++records_;
    return true;
  }

  void Add(const RecordId& id, const KeyValueView& pair, EncodedKeyValue encoded) {
    const KeyEntry* entry = KeyTree::Find(root_, pair.key);
    Event event{.type = id.tombstone ? EventType::kDelete : EventType::kPut,
                .revision = id.revision,
                .key = std::string(pair.key),
                .kv = std::move(encoded),
                .create_revision = pair.create_revision,
                .previous = PreviousOf(entry, id.revision.main, compact_revision_)};
    bytes_ += event.kv->size() + event.key.size();
    history_.events.push_back(std::move(event));
  }

  ReadView::History Take() { return std::move(history_); }

 private:
  const KeyTree::Node* root_;
  const int64_t compact_revision_;
  const size_t max_bytes_;
  ReadView::History history_;
  int64_t current_ = -1;
  size_t bytes_ = 0;
  int records_ = 0;
};

}  // namespace

absl::StatusOr<ReadView::History> StoreView::Events(const KeyRange& range, int64_t from,
                                                    size_t max_bytes) const {
  if (from < ReadableFrom()) return ErrCompacted();
  auto history = range.single() ? EventsOfKey(range.key, from, max_bytes)
                                : EventsOfRange(range, from, max_bytes);
  // Deletion of records begins only after the new compact revision is known: unchanged now means
  // nothing is missing.
  if (from < ReadableFrom()) return ErrCompacted();
  shared_->Note(history.status());
  return history;
}

absl::StatusOr<ReadView::History> StoreView::EventsOfKey(const std::string& key, int64_t from,
                                                         size_t max_bytes) const {
  Gatherer gatherer(content_.keys, ReadableFrom(), content_.revision, max_bytes);
  const KeyEntry* entry = KeyTree::Find(content_.keys, key);
  if (entry == nullptr) return gatherer.Take();
  for (uint32_t i = entry->OldUpTo(from - 1); i <= entry->older_count; ++i) {
    const OldVersion version = i < entry->older_count ? entry->older->items[i] : entry->AsOld();
    if (version.main < from) continue;
    if (!gatherer.Admit(version.main)) break;
    const RecordId id{{version.main, version.sub}, version.tombstone != 0};
    auto pair = shared_->records.Get(id.revision);
    if (!pair.ok()) return Explain(pair.status(), version.main);
    KeyValueView view;
    if (!ParseKeyValue(**pair, view)) return absl::DataLossError("stored record is not a pair");
    gatherer.Add(id, view, *std::move(pair));
  }
  return gatherer.Take();
}

absl::StatusOr<ReadView::History> StoreView::EventsOfRange(const KeyRange& range, int64_t from,
                                                           size_t max_bytes) const {
  Gatherer gatherer(content_.keys, ReadableFrom(), content_.revision, max_bytes);
  absl::Status damage;
  PINTLE_RETURN_IF_ERROR(shared_->backend->Scan(
      FirstRecordKey(from), FirstRecordKey(content_.revision + 1),
      [&](std::string_view key, std::string_view value) {
        const auto id = ParseRecordKey(key);
        KeyValueView pair;
        if (!id.has_value() || !ParseKeyValue(value, pair)) {
          damage = absl::DataLossError(
              absl::StrCat("stored record ", Printable(key), " is not the pair of its revision"));
          return false;
        }
        if (!gatherer.Admit(id->revision.main)) return false;
        if (!range.Contains(pair.key)) return true;
        auto encoded = shared_->cache.Get(id->revision);
        if (encoded == nullptr) encoded = std::make_shared<const std::string>(value);
        gatherer.Add(*id, pair, std::move(encoded));
        return true;
      }));
  PINTLE_RETURN_IF_ERROR(damage);
  return gatherer.Take();
}

}  // namespace pintle::kv

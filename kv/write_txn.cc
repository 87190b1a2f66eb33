#include "kv/write_txn.h"

#include <memory>
#include <utility>

#include "kv/errors.h"
#include "kv/range.h"
#include "kv/record.h"

namespace pintle::kv {

absl::Status WriteTxn::CheckLease(const PutRequest& request) const {
  if (request.lease && !state_.leases.Find(request.lease).has_value()) return ErrLeaseNotFound();
  return absl::OkStatus();
}

absl::Status WriteTxn::CheckPrevious(const PutRequest& request) const {
  if (!request.ignore_value && !request.ignore_lease) return absl::OkStatus();
  const KeyEntry* entry = state_.keys.Find(request.key);
  return entry == nullptr || !entry->live() ? ErrKeyNotFound() : absl::OkStatus();
}

EncodedKeyValue WriteTxn::Load(const KeyEntry& entry) {
  auto pair = state_.records.Get(entry.revision());
  if (pair.ok()) return *std::move(pair);
  state_.Fail(pair.status());
  return std::make_shared<const std::string>();
}

void WriteTxn::Store(Event event, const KeyEntry* current, const KeyIndex::NewVersion& version) {
  const bool tombstone = event.type == EventType::kDelete;
  std::string record_key = RecordKey(event.revision, tombstone);
  state_.size_bytes += static_cast<int64_t>(record_key.size() + event.kv->size());
  state_.keys.Add(event.key, current, version);
  state_.records.Add(event.revision, event.kv);
  state_.batch.PutShared(std::move(record_key), event.kv);
  events_.push_back(std::move(event));
}

PutResult WriteTxn::Put(const PutRequest& request) {
  const Revision revision = NextRevision();
  const KeyEntry* current = state_.keys.Find(request.key);
  const bool exists = current != nullptr && current->live();
  EncodedKeyValue previous;
  if (exists && (request.prev_kv || request.ignore_value)) previous = Load(*current);

  const LeaseId old_lease = exists ? current->lease : LeaseId();
  KeyValueView pair{.key = request.key,
                    .value = request.value,
                    .create_revision = exists ? current->create_revision : revision.main,
                    .mod_revision = revision.main,
                    .version = exists ? current->version + 1 : 1,
                    .lease = request.ignore_lease ? old_lease : request.lease};
  if (request.ignore_value && previous != nullptr) {
    KeyValueView kept;
    if (ParseKeyValue(*previous, kept)) pair.value = kept.value;
  }
  if (old_lease != pair.lease) {
    if (old_lease) state_.leases.Detach(old_lease, request.key);
    if (pair.lease) state_.leases.Attach(pair.lease, request.key);
  }

  Event event{.type = EventType::kPut,
              .revision = revision,
              .key = request.key,
              .kv = std::make_shared<const std::string>(EncodeKeyValue(pair)),
              .create_revision = pair.create_revision,
              .previous = PreviousOf(current, revision.main, state_.compact_revision)};
  const KeyIndex::NewVersion version{.revision = revision,
                                     .create_revision = pair.create_revision,
                                     .version = pair.version,
                                     .lease = pair.lease,
                                     .record_bytes = event.kv->size()};
  Store(std::move(event), current, version);
  return {.revision = revision.main, .prev_kv = request.prev_kv ? std::move(previous) : nullptr};
}

void WriteTxn::Delete(std::string_view key) {
  const Revision revision = NextRevision();
  const KeyEntry* current = state_.keys.Find(key);
  if (current->lease) state_.leases.Detach(current->lease, key);
  const KeyValueView tombstone{.key = key, .mod_revision = revision.main};
  Event event{.type = EventType::kDelete,
              .revision = revision,
              .key = std::string(key),
              .kv = std::make_shared<const std::string>(EncodeKeyValue(tombstone)),
              .create_revision = 0,
              .previous = PreviousOf(current, revision.main, state_.compact_revision)};
  const KeyIndex::NewVersion version{.revision = revision, .record_bytes = event.kv->size()};
  Store(std::move(event), current, version);
}

DeleteRangeResult WriteTxn::DeleteRange(const DeleteRangeRequest& request) {
  DeleteRangeResult result;
  std::vector<std::string> keys;
  std::vector<Revision> revisions;
  WalkRange<Visiting::kLive>(state_.keys.root(), request.range, [&](const KeyEntry& entry) {
    keys.emplace_back(entry.key());
    if (request.prev_kv) revisions.push_back(entry.revision());
    return true;
  });
  if (request.prev_kv) {
    auto pairs = state_.records.GetAll(revisions);
    if (pairs.ok()) {
      result.prev_kvs = *std::move(pairs);
    } else {
      state_.Fail(pairs.status());
    }
  }
  for (const std::string& key : keys) Delete(key);
  result.deleted = static_cast<int64_t>(keys.size());
  result.revision = revision();
  return result;
}

absl::StatusOr<RangeResult> WriteTxn::Range(const RangeRequest& request) const {
  return EvaluateRange(state_.Source(revision()), request);
}

std::vector<Event> WriteTxn::Finish() {
  state_.revision = revision();
  return std::move(events_);
}

}  // namespace pintle::kv

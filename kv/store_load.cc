// StoreImpl::Load: from the backend's bytes to the index in memory.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/canary.h"
#include "base/status_macros.h"
#include "kv/auth/auth_record.h"
#include "kv/record.h"
#include "kv/store_impl.h"

namespace pintle::kv {
namespace {

absl::Status Damaged(std::string_view key) {
  return absl::DataLossError(
      absl::StrCat("stored bytes under the key ", Printable(key), " are not what the store wrote"));
}

// Nothing when the key does not exist.
template <typename T>
absl::StatusOr<std::optional<T>> ReadMeta(const Backend& backend, const std::string& key,
                                          std::optional<T> (*parse)(std::string_view)) {
  auto value = backend.Get(key);
  if (absl::IsNotFound(value.status())) return std::optional<T>();
  PINTLE_RETURN_IF_ERROR(value.status());
  std::optional<T> parsed = parse(*value);
  if (!parsed.has_value()) return Damaged(key);
  return parsed;
}

// An older format is written as the present one from now on.
absl::Status CheckFormat(const Backend& backend, BackendBatch& batch) {
  PINTLE_ASSIGN_OR_RETURN(const auto format, ReadMeta<int64_t>(backend, FormatKey(), &ParseNumber));
  if (format == static_cast<int64_t>(kRecordFormatVersion)) return absl::OkStatus();
  if (!format.has_value() || *format == static_cast<int64_t>(kRecordFormatVersion1)) {
    batch.Put(FormatKey(), EncodeNumber(kRecordFormatVersion));
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the store has format ", *format, ", this program knows format ", kRecordFormatVersion));
}

absl::Status LoadLeases(const Backend& backend, WorkingState& state) {
  absl::Status status;
  PINTLE_RETURN_IF_ERROR(backend.Scan(FirstLeaseKey(), EndOfLeaseKeys(),
                                      [&](std::string_view key, std::string_view value) {
                                        const auto lease = ParseLease(value);
                                        if (!lease.has_value() || LeaseKey(lease->id) != key) {
                                          status = Damaged(key);
                                          return false;
                                        }
                                        state.size_bytes += LeaseBytes(*lease);
                                        state.leases.Put(*lease);
                                        return true;
                                      }));
  return status;
}

absl::Status LoadAuth(const Backend& backend, auth::AuthTable& table) {
  absl::Status status;
  const auto load = [&](bool (auth::AuthTable::*one)(std::string_view, std::string_view)) {
    return [&, one](std::string_view key, std::string_view value) {
      if (!(table.*one)(key, value)) status = Damaged(key);
      return status.ok();
    };
  };
  PINTLE_RETURN_IF_ERROR(
      backend.Scan(auth::RoleKey(""), auth::EndOfRoleKeys(), load(&auth::AuthTable::LoadRole)));
  PINTLE_RETURN_IF_ERROR(status);
  PINTLE_RETURN_IF_ERROR(
      backend.Scan(auth::UserKey(""), auth::EndOfUserKeys(), load(&auth::AuthTable::LoadUser)));
  return status;
}

absl::Status LoadRecord(std::string_view key, std::string_view value, WorkingState& state) {
  const auto id = ParseRecordKey(key);
  KeyValueView pair;
  if (!id.has_value() || !ParseKeyValue(value, pair)) return Damaged(key);
  const bool right = pair.mod_revision == id->revision.main && !pair.key.empty() &&
                     (pair.version == 0) == id->tombstone && id->revision.main <= state.revision;
  const KeyEntry* current = state.keys.Find(pair.key);
  if (PINTLE_CANARY("tombstone_not_restored") && id->tombstone && current == nullptr)
    return absl::OkStatus();
  if (!right || (current != nullptr && id->revision <= current->revision())) return Damaged(key);
  const LeaseId old_lease = current != nullptr ? current->lease : LeaseId();
  if (old_lease != pair.lease) {
    if (old_lease) state.leases.Detach(old_lease, pair.key);
    if (pair.lease) state.leases.Attach(pair.lease, pair.key);
  }
  state.size_bytes += static_cast<int64_t>(key.size() + value.size());
  state.keys.Add(pair.key, current,
                 {.revision = id->revision,
                  .create_revision = pair.create_revision,
                  .version = pair.version,
                  .lease = pair.lease,
                  .record_bytes = value.size()});
  return absl::OkStatus();
}

}  // namespace

absl::Status StoreImpl::LoadMeta(BackendBatch& first) {
  PINTLE_RETURN_IF_ERROR(CheckFormat(*backend_, first));
  PINTLE_ASSIGN_OR_RETURN(const auto stored, ReadMeta(*backend_, StateKey(), &ParseState));
  PINTLE_ASSIGN_OR_RETURN(const auto scheduled,
                          ReadMeta(*backend_, ScheduledCompactionKey(), &ParseNumber));
  PINTLE_ASSIGN_OR_RETURN(const auto finished,
                          ReadMeta(*backend_, FinishedCompactionKey(), &ParseNumber));
  written_ = stored.value_or(StoredState());
  ended_ = written_;
  shared_->opened_sequence = written_.sequence;
  state_.revision = written_.revision;
  state_.compact_revision = scheduled.value_or(-1);
  compaction_.SetFinished(finished.value_or(-1));
  PINTLE_RETURN_IF_ERROR(backend_->Scan(ServerKey(""), EndOfServerKeys(),
                                        [&](std::string_view key, std::string_view value) {
                                          state_.server.emplace(key.substr(1), value);
                                          return true;
                                        }));
  if (!state_.alarms.Parse(GetMeta(kAlarmsMetaName).value_or(""))) {
    return Damaged(ServerKey(kAlarmsMetaName));
  }
  if (!state_.auth.LoadSwitch(GetMeta(auth::kAuthMetaName).value_or(""))) {
    return Damaged(ServerKey(auth::kAuthMetaName));
  }
  if (PINTLE_CANARY("auth_not_in_snapshot")) return absl::OkStatus();
  return LoadAuth(*backend_, state_.auth);
}

absl::Status StoreImpl::Load() {
  BackendBatch first;
  PINTLE_RETURN_IF_ERROR(LoadMeta(first));
  PINTLE_RETURN_IF_ERROR(LoadLeases(*backend_, state_));

  absl::Status status;
  const bool forgets = PINTLE_CANARY("revision_back_after_compaction_crash");
  int64_t newest = 1;
  PINTLE_RETURN_IF_ERROR(backend_->Scan(FirstRecordKey(0), FirstRecordKey(-1),
                                        [&](std::string_view key, std::string_view value) {
                                          status = LoadRecord(key, value, state_);
                                          if (forgets) newest = ParseRecordKey(key)->revision.main;
                                          return status.ok();
                                        }));
  PINTLE_RETURN_IF_ERROR(status);
  if (forgets) state_.revision = newest;
  if (!first.ops.empty()) PINTLE_RETURN_IF_ERROR(backend_->Apply(first));
  Publish();
  return absl::OkStatus();
}

}  // namespace pintle::kv

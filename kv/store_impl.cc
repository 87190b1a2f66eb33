#include "kv/store_impl.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "base/canary.h"
#include "base/check.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "kv/auth/authorize.h"
#include "kv/errors.h"
#include "kv/hash_chain.h"
#include "kv/record.h"
#include "kv/txn.h"

namespace pintle::kv {
namespace {

constexpr int64_t kMaxLeaseTtlSeconds = 9'000'000'000;

}  // namespace

StoreImpl::StoreImpl(std::shared_ptr<Backend> backend, const StoreOptions& options)
    : backend_(std::move(backend)),
      shared_(
          std::make_shared<SharedState>(backend_, options.value_cache_bytes, options.on_damage)),
      state_(shared_->records, shared_->cache, shared_->size_bytes),
      compaction_(*backend_, shared_->cache, options.compaction_slice) {}

StoreImpl::~StoreImpl() {
  // Views that readers hold keep the shared state alive, which must not keep views alive. Dropped
  // outside the lock.
  SharedState::Views views;
  shared_->views.With([&](SharedState::Views& shared) { std::swap(views, shared); });
}

absl::Status StoreImpl::Check(const auth::Caller& caller, const Command& command) const {
  PINTLE_RETURN_IF_ERROR(state_.alarms.Check(command));
  return Authorize(state_.auth.now(), caller, command,
                   [this](LeaseId id) { return KeysOf(state_.leases.roots(), id); });
}

ApplyResult StoreImpl::Apply(const auth::Caller& caller, const Command& command) {
  ApplyResult applied;
  if (const absl::Status refused = Check(caller, command); !refused.ok()) {
    applied.result = refused;
    return applied;
  }
  WriteTxn txn(state_);
  applied.result = std::visit([&](const auto& request) { return Execute(request, txn); }, command);
  applied.events = txn.Finish();
  return applied;
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const PutRequest& request, WriteTxn& txn) {
  PINTLE_RETURN_IF_ERROR(txn.CheckLease(request));
  PINTLE_RETURN_IF_ERROR(txn.CheckPrevious(request));
  return txn.Put(request);
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const DeleteRangeRequest& request, WriteTxn& txn) {
  return txn.DeleteRange(request);
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const TxnRequest& request, WriteTxn& txn) {
  PINTLE_ASSIGN_OR_RETURN(TxnResult result, ApplyTxn(state_, txn, request));
  return result;
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const CompactRequest& request, WriteTxn&) {
  if (request.revision <= state_.compact_revision) return ErrCompacted();
  if (request.revision > state_.revision) return ErrFutureRevision();
  const int64_t before = std::exchange(state_.compact_revision, request.revision);
  state_.batch.Put(ScheduledCompactionKey(), EncodeNumber(request.revision));
  return CompactResult{
      .revision = state_.revision, .compacted = request.revision, .compacted_before = before};
}

void StoreImpl::PutLease(const StoredLease& lease) {
  if (const auto before = state_.leases.Find(lease.id)) state_.size_bytes -= LeaseBytes(*before);
  state_.size_bytes += LeaseBytes(lease);
  state_.leases.Put(lease);
  state_.batch.Put(LeaseKey(lease.id), EncodeLease(lease));
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const LeaseGrantRequest& request, WriteTxn&) {
  if (!request.id) return ErrLeaseNotFound();
  if (request.ttl_seconds > kMaxLeaseTtlSeconds) return ErrLeaseTtlTooLarge();
  if (state_.leases.Find(request.id).has_value()) return ErrLeaseExists();
  PutLease({.id = request.id, .ttl_seconds = request.ttl_seconds});
  return LeaseResult{
      .revision = state_.revision, .id = request.id, .ttl_seconds = request.ttl_seconds};
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const LeaseRevokeRequest& request, WriteTxn& txn) {
  const auto lease = state_.leases.Find(request.id);
  if (!lease.has_value()) return ErrLeaseNotFound();
  for (const std::string& key : KeysOf(state_.leases.roots(), request.id)) txn.Delete(key);
  state_.size_bytes -= LeaseBytes(*lease);
  state_.leases.Remove(request.id);
  state_.batch.Delete(LeaseKey(request.id));
  return LeaseResult{
      .revision = txn.revision(), .id = request.id, .ttl_seconds = lease->ttl_seconds};
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const LeaseCheckpointRequest& request, WriteTxn&) {
  for (const auto& item : request.items) {
    auto lease = state_.leases.Find(item.id);
    if (!lease.has_value()) continue;  // revoked meanwhile
    lease->remaining_ttl_seconds = item.remaining_ttl_seconds;
    PutLease(*lease);
  }
  return LeaseResult{.revision = state_.revision};
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const AlarmRequest& request, WriteTxn&) {
  AlarmResult result{.revision = state_.revision};
  PINTLE_ASSIGN_OR_RETURN(result.alarms, state_.alarms.Execute(request));
  if (request.action != AlarmRequest::Action::kGet && !result.alarms.empty()) {
    PutMeta(kAlarmsMetaName, state_.alarms.Encode());
  }
  return result;
}

absl::StatusOr<CommandResult> StoreImpl::Execute(const auth::Request& request, WriteTxn&) {
  bool switch_changed = false;
  PINTLE_RETURN_IF_ERROR(state_.auth.Execute(request, state_.batch, switch_changed));
  if (switch_changed) PutMeta(auth::kAuthMetaName, EncodeSwitch(state_.auth.own_switch()));
  return AuthResult{.revision = state_.revision, .auth_revision = state_.auth.now().revision()};
}

void StoreImpl::PutMeta(std::string_view name, std::string bytes) {
  PINTLE_CHECK(name.size() <= Store::kMaxMetaNameBytes && bytes.size() <= Store::kMaxMetaBytes,
               "the server's state is small");
  if (bytes.empty()) {
    state_.batch.Delete(ServerKey(name));
    state_.server.erase(std::string(name));
    return;
  }
  state_.batch.Put(ServerKey(name), bytes);
  state_.server.insert_or_assign(std::string(name), std::move(bytes));
}

std::optional<std::string> StoreImpl::GetMeta(std::string_view name) const {
  const auto it = state_.server.find(name);
  if (it == state_.server.end()) return std::nullopt;
  return it->second;
}

uint64_t StoreImpl::EndEntry(Sequence sequence, uint64_t term) {
  PINTLE_CHECK(sequence > ended_.sequence, "entries are applied once and in order");
  const bool chain_known = ended_.hash != 0 || !ended_.sequence;
  if (chain_known) {
    const auto changes = std::span(state_.batch.ops).subspan(hashed_ops_);
    const bool skips = PINTLE_CANARY("hash_chain_skips") && hashed_ops_ > 0;
    if (!skips) ended_.hash = NextHash(ended_.hash, changes, sequence, term);
  }
  hashed_ops_ = state_.batch.ops.size();
  ended_.sequence = sequence;
  ended_.term = term;
  return ended_.hash;
}

absl::Status StoreImpl::Write(Sequence sequence, uint64_t term) {
  PINTLE_RETURN_IF_ERROR(state_.failure);
  if (ended_.sequence != sequence) EndEntry(sequence, term);
  PINTLE_CHECK(hashed_ops_ == state_.batch.ops.size(), "changes belong to an entry");
  ended_.revision = state_.revision;
  const auto state_alone = [this] {
    BackendBatch batch;
    batch.Put(StateKey(), EncodeState(ended_));
    return backend_->Apply(batch);
  };
  if (PINTLE_CANARY("sequence_ahead_of_data")) PINTLE_RETURN_IF_ERROR(state_alone());
  if (!PINTLE_CANARY("apply_twice_after_restart"))
    state_.batch.Put(StateKey(), EncodeState(ended_));
  state_.batch.sequence = sequence;
  base::FaultPoint("kv.before_write");
  absl::Status status = backend_->Apply(state_.batch);
  if (PINTLE_CANARY("apply_twice_after_restart")) status.Update(state_alone());
  if (!status.ok()) {
    state_.Fail(status);
    return status;
  }
  base::FaultPoint("kv.after_write");
  state_.batch.ops.clear();
  hashed_ops_ = 0;
  state_.records.Clear();
  written_ = ended_;
  return absl::OkStatus();
}

void StoreImpl::Publish() {
  PINTLE_CHECK(state_.batch.ops.empty(), "what is published must have been written");
  const uint64_t retired = state_.reclaimer.retired_bytes();
  const StoreView::Content content{.keys = state_.keys.root(),
                                   .leases = state_.leases.roots(),
                                   .revision = state_.revision,
                                   .compact_revision = state_.compact_revision,
                                   .sequence = written_.sequence,
                                   .alarms = state_.alarms.list(),
                                   .auth = state_.auth.state(),
                                   .retired_bytes = retired};
  auto view = std::make_shared<const StoreView>(shared_, content, state_.reclaimer.Seal());
  std::vector<std::shared_ptr<const StoreView>> dropped;  // freed outside the lock
  shared_->views.With([&](SharedState::Views& views) {
    dropped.push_back(std::exchange(views.newest, std::move(view)));
    auto keep = std::find_if(views.paged.begin(), views.paged.end(), [&](const auto& paged) {
      return retired - paged->retired_bytes() <= SharedState::kMaxPagedBytes &&
             paged->revision() >= state_.compact_revision;
    });
    dropped.insert(dropped.end(), views.paged.begin(), keep);
    views.paged.erase(views.paged.begin(), keep);
  });
  shared_->compact_revision = state_.compact_revision;
}

absl::StatusOr<bool> StoreImpl::CompactSlice() {
  PINTLE_RETURN_IF_ERROR(state_.failure);
  PINTLE_CHECK(state_.batch.ops.empty(), "a compaction runs between batches");
  auto more = compaction_.Run(state_, shared_->compact_revision.load());
  if (!more.ok()) {
    state_.Fail(more.status());
    return more;
  }
  Publish();  // readers let go of what the index has forgotten
  return more;
}

std::shared_ptr<const BackendReader> StoreImpl::NewSnapshot() const {
  // Held together: a snapshot is of use only while its backend is there.
  struct Held {
    std::shared_ptr<Backend> backend;
    std::unique_ptr<const BackendReader> reader;  // goes first
  };
  auto held = std::make_shared<Held>(Held{backend_, backend_->NewSnapshot()});
  return {held, held->reader.get()};
}

std::shared_ptr<const ReadView> StoreImpl::view() const {
  return shared_->views.With(
      [](const SharedState::Views& views) -> std::shared_ptr<const ReadView> {
        return views.newest;
      });
}

}  // namespace pintle::kv

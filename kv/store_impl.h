// StoreImpl: the store over one backend, from Load to the end of that content. Everything here is
// the apply thread's; what other threads reach is SharedState and views.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/compaction.h"
#include "kv/store.h"
#include "kv/store_view.h"
#include "kv/working_state.h"
#include "kv/write_txn.h"

namespace pintle::kv {

class StoreImpl {
 public:
  StoreImpl(std::shared_ptr<Backend> backend, const StoreOptions& options);
  ~StoreImpl();
  StoreImpl(const StoreImpl&) = delete;
  StoreImpl& operator=(const StoreImpl&) = delete;

  // Fills the state from the backend and publishes it.
  absl::Status Load();

  Sequence sequence() const { return written_.sequence; }
  uint64_t term() const { return written_.term; }
  uint64_t hash() const { return written_.hash; }
  const std::shared_ptr<SharedState>& shared() const { return shared_; }
  std::shared_ptr<const ReadView> view() const;

  ApplyResult Apply(const auth::Caller& caller, const Command& command);
  void PutMeta(std::string_view name, std::string bytes);
  std::optional<std::string> GetMeta(std::string_view name) const;
  uint64_t EndEntry(Sequence sequence, uint64_t term);
  absl::Status Write(Sequence sequence, uint64_t term);
  void Publish();
  absl::StatusOr<bool> CompactSlice();
  uint64_t compacted_records() const { return compaction_.deleted_records(); }
  bool compacted() const { return compaction_.FinishedUpTo(state_.compact_revision); }
  std::shared_ptr<const BackendReader> NewSnapshot() const;

 private:
  absl::Status LoadMeta(BackendBatch& first);
  absl::Status Check(const auth::Caller& caller, const Command& command) const;
  absl::StatusOr<CommandResult> Execute(const PutRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const DeleteRangeRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const TxnRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const CompactRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseGrantRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseRevokeRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseCheckpointRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const AlarmRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const auth::Request& request, WriteTxn& txn);
  void PutLease(const StoredLease& lease);

  const std::shared_ptr<Backend> backend_;
  const std::shared_ptr<SharedState> shared_;
  WorkingState state_;
  StoredState written_;    // what the backend has
  StoredState ended_;      // as of the last EndEntry
  size_t hashed_ops_ = 0;  // of the batch: part of ended_.hash
  Compaction compaction_;
};

}  // namespace pintle::kv

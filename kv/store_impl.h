// StoreImpl: Store over the pieces. Everything here is the apply thread's but view() and
// size_bytes().
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "kv/compaction.h"
#include "kv/store.h"
#include "kv/store_view.h"
#include "kv/working_state.h"
#include "kv/write_txn.h"

namespace pintle::kv {

class StoreImpl : public Store {
 public:
  StoreImpl(Backend& backend, const StoreOptions& options);
  ~StoreImpl() override;

  // Fills the state from the backend and publishes it.
  absl::Status Load();

  Sequence sequence() const override { return sequence_; }
  Sequence durable_sequence() const override {
    return std::max(opened_sequence_, backend_.durable_sequence());
  }
  ApplyResult Apply(const Command& command) override;
  absl::Status Write(Sequence sequence) override;
  void Publish() override;
  absl::StatusOr<bool> CompactSlice() override;
  std::shared_ptr<const ReadView> view() const override;
  int64_t size_bytes() const override { return state_.size_bytes.load(); }

 private:
  absl::StatusOr<CommandResult> Execute(const PutRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const DeleteRangeRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const TxnRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const CompactRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseGrantRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseRevokeRequest& request, WriteTxn& txn);
  absl::StatusOr<CommandResult> Execute(const LeaseCheckpointRequest& request, WriteTxn& txn);
  void PutLease(const StoredLease& lease);

  Backend& backend_;
  const std::shared_ptr<SharedState> shared_;
  WorkingState state_;
  Sequence sequence_;
  Sequence opened_sequence_;
  Compaction compaction_;
};

}  // namespace pintle::kv

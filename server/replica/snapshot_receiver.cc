#include "server/replica/snapshot_receiver.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/canary.h"
#include "base/fault_point.h"
#include "base/status_macros.h"

namespace pintle::server::replica {

void SnapshotReceiver::Take(raft::MemberId from, const raft::InstallSnapshot& piece) {
  // Asked again when that is over; whoever is still needed then gets an answer.
  if (transfer_ && transfer_->installing && !PINTLE_CANARY("overlapping_installs")) return;
  const bool known = transfer_ && transfer_->id == piece.transfer_id && transfer_->from == from;
  if (!known) {
    if (piece.offset != 0) return doors_.answer(from, {.transfer_id = piece.transfer_id});
    if (const absl::Status begun = Begin(from, piece.transfer_id); !begun.ok()) return Fail(begun);
  }
  transfer_->silent_ticks = 0;
  if (piece.offset == transfer_->next_offset) {
    if (const absl::Status fed = Feed(piece); !fed.ok()) return Fail(fed);
    if (transfer_->installing) return;
  }
  doors_.answer(from, {.transfer_id = piece.transfer_id, .next_offset = transfer_->next_offset});
}

absl::Status SnapshotReceiver::Begin(raft::MemberId from, uint64_t id) {
  Drop();
  transfer_.emplace();
  transfer_->from = from;
  transfer_->id = id;
  if (from != raft::kNoMember) doors_.begun(from);
  base::FaultPoint("snapshot.receive_begun");
  PINTLE_ASSIGN_OR_RETURN(transfer_->backend, doors_.new_store());
  transfer_->reader = std::make_unique<kv::SnapshotReader>(*transfer_->backend);
  return absl::OkStatus();
}

absl::Status SnapshotReceiver::Feed(const raft::InstallSnapshot& piece) {
  if (piece.data) {
    PINTLE_RETURN_IF_ERROR(transfer_->reader->Feed(*piece.data));
    transfer_->next_offset += piece.data->size();
  }
  base::FaultPoint("snapshot.piece_written");
  return piece.done ? Complete(piece.meta) : absl::OkStatus();
}

absl::Status SnapshotReceiver::Complete(const raft::SnapshotMeta& meta) {
  PINTLE_RETURN_IF_ERROR(transfer_->reader->Finish());
  const kv::SnapshotHead head = transfer_->reader->head();
  if (head.sequence.value() != meta.last_entry.index.value() ||
      head.term != meta.last_entry.term.value()) {
    return absl::DataLossError("the snapshot is not the one that was announced");
  }
  transfer_->reader.reset();
  base::FaultPoint("snapshot.before_flush");
  PINTLE_RETURN_IF_ERROR(doors_.sync(*transfer_->backend));
  base::FaultPoint("snapshot.received");
  doors_.ended(transfer_->from, true);
  transfer_->installing = true;
  doors_.install({std::move(transfer_->backend), meta});
  return absl::OkStatus();
}

void SnapshotReceiver::StartAnew() {
  if (transfer_ && transfer_->installing) return;
  if (const absl::Status begun = Begin(raft::kNoMember, 0); !begun.ok()) {
    spdlog::error("no new store can be made: {}", begun.ToString());
    return Drop();
  }
  transfer_->reader.reset();
  transfer_->installing = true;
  doors_.install({.backend = std::move(transfer_->backend), .empty = true});
}

void SnapshotReceiver::Installed(const absl::Status& result) {
  if (!transfer_ || !transfer_->installing) return;
  const bool asked_for = transfer_->from != raft::kNoMember;
  if (!asked_for && !result.ok()) return Drop();
  if (!result.ok()) return Fail(result);
  if (asked_for) doors_.answer(transfer_->from, {.transfer_id = transfer_->id, .done = true});
  transfer_.reset();
}

void SnapshotReceiver::Fail(const absl::Status& why) {
  spdlog::error("a snapshot was not installed: {}", why.ToString());
  doors_.answer(transfer_->from, {.transfer_id = transfer_->id, .failed = true});
  Drop();
}

void SnapshotReceiver::Drop() {
  if (!transfer_) return;
  if (transfer_->from != raft::kNoMember && !transfer_->installing) {
    doors_.ended(transfer_->from, false);
  }
  transfer_.reset();
  doors_.drop_store();
}

void SnapshotReceiver::Tick() {
  if (!transfer_ || transfer_->installing) return;
  if (++transfer_->silent_ticks >= kForgetTicks) Drop();
}

}  // namespace pintle::server::replica

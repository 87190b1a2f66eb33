#include "server/replica/snapshot_sender.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "base/fault_point.h"

namespace pintle::server::replica {

void SnapshotSender::Begin(raft::MemberId peer, FrozenStore frozen, uint64_t transfer_id) {
  spdlog::info("{}", absl::StrFormat("sending a snapshot up to entry %d to member %x",
                                     frozen.meta.last_entry.index.value(), peer.value()));
  Transfer& transfer = transfers_[peer];
  if (transfer.frozen.content != nullptr) doors_.ended(peer, false);
  transfer = {};
  transfer.id = transfer_id;
  transfer.frozen = std::move(frozen);
  doors_.begun(peer);
  base::FaultPoint("snapshot.send_begun");
  Restart(peer, transfer);
}

void SnapshotSender::Restart(raft::MemberId peer, Transfer& transfer) {
  transfer.writer = std::make_unique<kv::SnapshotWriter>(transfer.frozen.content);
  SendNext(peer, transfer);
}

void SnapshotSender::SendNext(raft::MemberId peer, Transfer& transfer) {
  raft::InstallSnapshot piece{.transfer_id = transfer.id, .meta = transfer.frozen.meta};
  piece.offset = transfer.writer->offset();
  absl::StatusOr<std::string> data = transfer.writer->Next(kPieceBytes);
  if (absl::IsDataLoss(data.status())) doors_.damaged(data.status());
  if (!data.ok()) return Fail(peer, transfer, data.status().ToString());
  piece.data = std::make_shared<const std::string>(*std::move(data));
  piece.done = transfer.writer->done();
  if (piece.done) piece.total_bytes = transfer.writer->offset();
  transfer.piece = std::move(piece);
  base::FaultPoint("snapshot.piece_read");
  Send(peer, transfer);
}

void SnapshotSender::Send(raft::MemberId peer, Transfer& transfer) {
  transfer.ticks_since_sent = 0;
  doors_.send(peer, transfer.piece);
}

void SnapshotSender::Fail(raft::MemberId peer, Transfer& transfer, std::string_view why) {
  spdlog::warn("{}", absl::StrFormat("the snapshot for member %x has failed: %s", peer.value(),
                                     std::string(why)));
  transfer.failed = true;
  transfer.ticks_since_sent = 0;
  transfer.writer.reset();
  transfer.frozen.content.reset();
  doors_.ended(peer, false);
}

void SnapshotSender::DropAll() {
  for (const auto& [peer, transfer] : transfers_) {
    if (!transfer.failed) doors_.ended(peer, false);
  }
  transfers_.clear();
}

void SnapshotSender::FailAll() {
  for (auto& [peer, transfer] : transfers_) {
    if (!transfer.failed) Fail(peer, transfer, "the store is in doubt");
  }
}

void SnapshotSender::Answer(raft::MemberId peer, const raft::InstallSnapshotResponse& answer) {
  const auto found = transfers_.find(peer);
  if (found == transfers_.end() || found->second.id != answer.transfer_id) return;
  Transfer& transfer = found->second;
  if (transfer.failed) return;
  transfer.silent_ticks = 0;
  if (answer.failed) return Fail(peer, transfer, "it could not be installed there");
  if (answer.done) {
    base::FaultPoint("snapshot.send_done");
    doors_.ended(peer, true);
    transfers_.erase(found);
    return;
  }
  const uint64_t end = transfer.piece.offset + transfer.piece.data->size();
  if (answer.next_offset == end && !transfer.piece.done) return SendNext(peer, transfer);
  if (answer.next_offset == 0 && transfer.piece.offset != 0) Restart(peer, transfer);
}

void SnapshotSender::Tick() {
  for (auto at = transfers_.begin(); at != transfers_.end();) {
    const raft::MemberId peer = at->first;
    Transfer& transfer = at->second;
    ++at;
    ++transfer.silent_ticks;
    ++transfer.ticks_since_sent;
    if (transfer.failed && transfer.ticks_since_sent >= kResendTicks) {
      transfers_.erase(peer);
      doors_.failed(peer);
    } else if (!transfer.failed && transfer.silent_ticks >= kGiveUpTicks) {
      Fail(peer, transfer, "no answer");
    } else if (!transfer.failed && transfer.ticks_since_sent >= kResendTicks) {
      Send(peer, transfer);
    }
  }
}

}  // namespace pintle::server::replica

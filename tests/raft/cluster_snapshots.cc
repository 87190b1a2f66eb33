// Cluster, the part of the owner that moves snapshots: two pieces each, one transfer per follower.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "raft/membership.h"
#include "tests/raft/cluster.h"
#include "tests/raft/describe.h"

namespace pintle::raft {
namespace {

// A transfer that takes longer has lost a piece.
constexpr int kPatienceTicks = 15;

Payload Piece(std::string_view text) { return std::make_shared<const std::string>(text); }

}  // namespace

ConfState Cluster::ConfAt(Index index) const {
  for (size_t i = std::min<size_t>(index.value(), history_.size()); i > 0; --i) {
    ConfChange change;
    if (history_[i - 1].kind == EntryKind::kConfChange &&
        DecodeConfChange(history_[i - 1].bytes(), change)) {
      return change.conf_state;
    }
  }
  return initial_;
}

void Cluster::HandleSnapshots(MemberId id, const Ready& ready) {
  for (const Message& message : ready.snapshot_messages) {
    if (const auto* piece = std::get_if<InstallSnapshot>(&message.body)) {
      TakePiece(id, message, *piece);
    } else {
      TakeAnswer(id, message, std::get<InstallSnapshotResponse>(message.body));
    }
  }
  for (const MemberId peer : ready.peers_need_snapshot) {
    trace_(absl::StrCat(id.value(), ": member ", peer.value(), " needs a snapshot"));
    StartSnapshot(id, peer);
  }
}

void Cluster::StartSnapshot(MemberId id, MemberId peer) {
  Member& member = At(id);
  if (member.applied.empty() || member.node->store_behind_log()) {
    member.node->SnapshotFailed(peer);
    return;
  }
  const EntryId last = member.applied.back().id;
  const SnapshotMeta meta{last, ConfAt(last.index)};
  member.node->SnapshotSending(peer, last.index);
  snapshots_[++last_transfer_] = {id, peer, meta};
  member.node->SendSnapshotMessage(peer,
                                   InstallSnapshot{last_transfer_, meta, 0, 2, Piece("a"), false});
}

void Cluster::TakePiece(MemberId id, const Message& message, const InstallSnapshot& piece) {
  Member& member = At(id);
  InstallSnapshotResponse answer{.transfer_id = piece.transfer_id};
  if (!member.node->WantsSnapshot(piece.meta)) {
    answer.failed = true;
  } else if (piece.done) {
    const Index end = piece.meta.last_entry.index;
    trace_(absl::StrCat(id.value(), ": installs the snapshot up to ",
                        Describe(piece.meta.last_entry)));
    member.applied.assign(history_.begin(), history_.begin() + static_cast<ptrdiff_t>(end.value()));
    member.store_index = end;
    Check(checker_.ObserveRestored(id, piece.meta));
    member.node->Restore(piece.meta);
    answer.done = true;
  }
  answer.next_offset = piece.offset + 1;
  member.node->SendSnapshotMessage(message.from, answer);
}

void Cluster::TakeAnswer(MemberId id, const Message& message,
                         const InstallSnapshotResponse& answer) {
  const auto found = snapshots_.find(answer.transfer_id);
  if (found == snapshots_.end() || found->second.from != id) return;
  if (answer.done || answer.failed) {
    snapshots_.erase(found);
    if (answer.failed) node(id).SnapshotFailed(message.from);
    return;
  }
  node(id).SendSnapshotMessage(
      message.from, InstallSnapshot{answer.transfer_id, found->second.meta, answer.next_offset, 2,
                                    Piece("b"), true});
}

void Cluster::ExpireSnapshots(MemberId id) {
  for (auto entry = snapshots_.begin(); entry != snapshots_.end();) {
    SnapshotOnItsWay& snapshot = entry->second;
    if (snapshot.from != id || ++snapshot.ticks < kPatienceTicks) {
      ++entry;
      continue;
    }
    const MemberId peer = snapshot.to;
    entry = snapshots_.erase(entry);
    Input(id, [&](RawNode& node) { node.SnapshotFailed(peer); });
  }
}

}  // namespace pintle::raft

// SnapshotSender: a leader's side of snapshots. One transfer per follower that needs one; a piece
// at a time, the next when the follower has asked for it.
//
// A piece that is not answered is sent again, so that a lost connection costs nothing but time; a
// follower that has begun anew asks for offset 0 and gets the same bytes again. A transfer that
// stays without an answer, fails at the follower or cannot be read here ends: the leader's raft is
// told after a pause, and asks again when the follower is heard again.
//
// Thread: the snapshot worker's. Memory: one piece and one chunk per transfer; a transfer holds the
// store's content of its beginning (deleted records take room until it ends). Source: thesis §5.1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kv/backend.h"
#include "kv/snapshot.h"
#include "raft/message.h"
#include "raft/types.h"

namespace pintle::server::replica {

// The store between two batches, and what it stands for.
struct FrozenStore {
  std::shared_ptr<const kv::BackendReader> content;
  raft::SnapshotMeta meta;
};

class SnapshotSender {
 public:
  static constexpr size_t kPieceBytes = size_t{256} << 10;
  static constexpr uint32_t kResendTicks = 10;   // also the pause after a failure
  static constexpr uint32_t kGiveUpTicks = 100;  // without an answer

  struct Doors {
    std::function<void(raft::MemberId peer, raft::InstallSnapshot piece)> send;
    std::function<void(raft::MemberId peer)> failed;
    // What was to be sent cannot be read.
    std::function<void(const absl::Status& why)> damaged = [](const absl::Status&) {};
    // For those who count: a transfer has begun, and, once for each that did, has ended.
    std::function<void(raft::MemberId peer)> begun = [](raft::MemberId) {};
    std::function<void(raft::MemberId peer, bool success)> ended = [](raft::MemberId, bool) {};
  };
  explicit SnapshotSender(Doors doors) : doors_(std::move(doors)) {}

  // `transfer_id`: never used before. Replaces a transfer to the same peer.
  void Begin(raft::MemberId peer, FrozenStore frozen, uint64_t transfer_id);
  void Answer(raft::MemberId peer, const raft::InstallSnapshotResponse& answer);
  // One heartbeat interval has passed.
  void Tick();
  // We do not lead any more.
  void DropAll();
  // The store that they are of is not to be believed any more.
  void FailAll();

  bool busy() const { return !transfers_.empty(); }

 private:
  struct Transfer {
    uint64_t id = 0;
    FrozenStore frozen;
    std::unique_ptr<kv::SnapshotWriter> writer;
    raft::InstallSnapshot piece;  // the last one sent
    uint32_t silent_ticks = 0;
    uint32_t ticks_since_sent = 0;
    bool failed = false;
  };
  void Restart(raft::MemberId peer, Transfer& transfer);
  void SendNext(raft::MemberId peer, Transfer& transfer);
  void Send(raft::MemberId peer, Transfer& transfer);
  void Fail(raft::MemberId peer, Transfer& transfer, std::string_view why);

  const Doors doors_;
  std::map<raft::MemberId, Transfer> transfers_;
};

}  // namespace pintle::server::replica

// SnapshotReceiver: a follower's side of snapshots. The pieces go, checked, straight into a new
// store beside the one that counts; when the last is there and everything is durable, the new store
// is offered for installation.
//
// One transfer at a time: a newer one ends the one before, and none begins while a store that has
// arrived is being installed. Whatever goes wrong (a damaged stream, a full disk) ends the transfer
// with `failed`, and nothing has happened to the store that counts.
//
// Thread: the snapshot worker's. Source: thesis §5.1.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/snapshot.h"
#include "raft/message.h"
#include "raft/types.h"

namespace pintle::server::replica {

// A whole store, durable, that does not count yet.
struct ReceivedStore {
  std::unique_ptr<kv::Backend> backend;
  raft::SnapshotMeta meta;
  bool empty = false;  // no snapshot: a new store, to be filled
};

class SnapshotReceiver {
 public:
  // Without a piece for so long, what has come is dropped.
  static constexpr uint32_t kForgetTicks = 300;

  struct Doors {
    // An empty backend in a folder of its own; and that folder is not needed after all.
    std::function<absl::StatusOr<std::unique_ptr<kv::Backend>>()> new_store;
    std::function<void()> drop_store;
    std::function<void(raft::MemberId to, raft::InstallSnapshotResponse answer)> answer;
    // Installed() says when that has ended.
    std::function<void(ReceivedStore)> install;
    // Makes everything of it durable.
    std::function<absl::Status(kv::Backend&)> sync = [](kv::Backend& store) {
      return store.Flush();
    };
    // For those who count: a transfer has begun, and, once for each that did, is whole and durable
    // or has failed.
    std::function<void(raft::MemberId from)> begun = [](raft::MemberId) {};
    std::function<void(raft::MemberId from, bool success)> ended = [](raft::MemberId, bool) {};
  };
  explicit SnapshotReceiver(Doors doors) : doors_(std::move(doors)) {}

  void Take(raft::MemberId from, const raft::InstallSnapshot& piece);
  // An empty store is to take the place of the one that counts, whatever that holds. Nothing
  // happens while another store is being installed.
  void StartAnew();
  void Installed(const absl::Status& result);
  void Tick();

  bool busy() const { return transfer_.has_value(); }

 private:
  struct Transfer {
    raft::MemberId from;
    uint64_t id = 0;
    std::unique_ptr<kv::Backend> backend;
    std::unique_ptr<kv::SnapshotReader> reader;  // into *backend
    uint64_t next_offset = 0;
    uint32_t silent_ticks = 0;
    bool installing = false;
  };
  absl::Status Begin(raft::MemberId from, uint64_t id);
  absl::Status Feed(const raft::InstallSnapshot& piece);
  absl::Status Complete(const raft::SnapshotMeta& meta);
  void Fail(const absl::Status& why);
  void Drop();

  const Doors doors_;
  std::optional<Transfer> transfer_;
};

}  // namespace pintle::server::replica

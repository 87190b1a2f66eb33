// Wal: the write-ahead log. Hard state and entries of raft, durable before anything is
// acknowledged.
//
// Owner and thread: the wal thread of server/replica; Open before it starts. Files: segments
// <number>.wal in one folder, zero-filled ahead of need by a thread of the Wal's own (a write into
// zeros needs no journal commit: half the latency). Layout: docs/formats/wal.md.
//
// Append makes one gathered write and one fdatasync for everything that it is given. A conflicting
// suffix needs no truncation: an entry replaces those at its index and behind it.
//
// After a crash only the last write can be in doubt, because each write states up to where
// everything before it was synced. A last write that is torn is dropped (nothing of it was
// acknowledged). Damage before that is never dropped silently: Open fails with DATA_LOSS.
//
// Faults tolerated: kill -9, power loss with a torn last write, a crash while a segment is made.
// Not yet repaired: damage of what was synced. An error of Append is final: the caller ends the
// process. Limits: one batch is at most 256 MiB.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raft/entry.h"
#include "raft/types.h"
#include "server/storage/file_system.h"
#include "server/storage/wal_format.h"

namespace pintle::server::storage {

struct WalOptions {
  size_t first_segment_bytes = size_t{4} << 20;
  size_t largest_segment_bytes = size_t{64} << 20;  // segments double up to this
};

// What Open found.
struct WalContents {
  raft::HardState hard_state;
  std::vector<raft::Entry> entries;  // without gaps, overrides done; from index 1
  std::string dropped;               // what was torn off the end, for the log; empty: nothing
};

class SegmentPreparer;

class Wal {
 public:
  // Creates the log when the folder has none. Errors: DATA_LOSS (names file and offset),
  // FAILED_PRECONDITION (another member's log, a newer format).
  static absl::StatusOr<std::unique_ptr<Wal>> Open(FileSystem& files, std::string folder,
                                                   WalIdentity identity, WalOptions options,
                                                   WalContents& contents);
  ~Wal();

  // One write. `sync` false: left to the next write that syncs (a commit index that moved loses
  // nothing).
  [[nodiscard]] absl::Status Append(const std::optional<raft::HardState>& hard_state,
                                    std::span<const raft::Entry> entries, bool sync);

  // Counts of syncs by duration: bucket i counts those up to 1 ms << i, the last the slower ones.
  // Any thread.
  static constexpr int kBuckets = 15;
  struct Stats {
    std::array<std::atomic<uint64_t>, kBuckets> syncs{};
    std::atomic<uint64_t> sync_nanoseconds{0};
    std::atomic<uint64_t> bytes_written{0};
  };
  const Stats& stats() const { return stats_; }

 private:
  Wal(FileSystem& files, std::string folder, WalIdentity identity, WalOptions options);

  absl::Status Recover(WalContents& contents);
  absl::Status RecoverSegment(uint64_t number, bool last, WalContents& contents);
  bool RecoverBatch(std::string_view bytes, WalPosition& position, WalContents& contents);
  absl::Status CheckTail(std::string_view bytes, WalPosition end, WalContents& contents);
  absl::Status StartSegment(size_t least_bytes);
  std::string SegmentPath(uint64_t number) const;
  absl::Status SyncAndCount();

  FileSystem& files_;
  const std::string folder_;
  const WalIdentity identity_;
  const WalOptions options_;
  std::unique_ptr<SegmentPreparer> preparer_;

  std::unique_ptr<File> segment_;
  size_t segment_bytes_ = 0;
  WalPosition end_;          // where the next batch goes
  WalPosition durable_end_;  // everything before it is synced
  uint64_t last_sequence_ = 0;
  std::string buffer_;
  Stats stats_;
};

}  // namespace pintle::server::storage

// Wal: the write-ahead log. Hard state and entries of raft, durable before anything is
// acknowledged.
//
// Owner and thread: the wal thread of server/replica; Open before it starts. Files: segments
// <number>.wal in one folder, zero-filled ahead of need, by a thread of the Wal's own or inline (a
// write into zeros needs no journal commit: half the latency). Layout and rules of recovery:
// docs/formats/wal.md; reading: wal_recovery.h.
//
// Append makes one gathered write and one fdatasync for everything that it is given. A conflicting
// suffix needs no truncation: an entry replaces those at its index and behind it.
//
// After a crash only the last write can be in doubt, because each write states up to where
// everything before it was synced. Damage, wherever it is, is no error: WalContents says what is
// missing and keeps raft from acting as if it had never been there (HardState::vote_floor). What
// was damaged is left as it is, and the log goes on in a new segment that makes it irrelevant.
//
// Faults tolerated: kill -9, power loss with a torn last write, a crash at any step of making,
// dropping or reusing a segment, flipped bits, lost, stale and misdirected writes, missing
// segments, the newest and all of them too (wal_witness.h). Errors of what writes:
// RESOURCE_EXHAUSTED is returned before anything counts as written, and the same call may be made
// again; every other error is final: the caller ends the process, and calls made after it fail with
// the same error and touch nothing. Limits: one batch is at most 256 MiB.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/counters.h"
#include "raft/entry.h"
#include "raft/types.h"
#include "server/storage/file_system.h"
#include "server/storage/wal_format.h"
#include "server/storage/wal_members.h"
#include "server/storage/wal_recovery.h"

namespace pintle::server::storage {

struct WalOptions {
  size_t first_segment_bytes = size_t{1} << 20;
  size_t largest_segment_bytes = size_t{64} << 20;  // segments double up to this
  // No write touches a sector that an earlier one has touched: a power failure may leave any of the
  // sectors under way unreadable. 512 or a multiple; the page cache writes 4096 at a time anyway.
  size_t sector_bytes = 4096;
  // A segment that is made ahead of need leaves this much free: smaller ones are made when the disk
  // fills up, then none.
  uint64_t keep_free_bytes = 0;
  // Where the log's witness is (wal_witness.h); empty: beside its folder.
  std::string witness_path;
  // No thread: segments are made when they are needed, by whoever appends (the simulator).
  bool prepare_inline = false;
};

class SegmentPreparer;
class WalWitness;

class Wal {
 public:
  // Creates the log when the folder has none. `applied`: the last entry whose effect the store
  // holds durably; what it covers need not be readable here. Errors: FAILED_PRECONDITION (another
  // member's log, another format), and whatever the disk says. A full disk is none: the first
  // Append says it.
  static absl::StatusOr<std::unique_ptr<Wal>> Open(FileSystem& files, std::string folder,
                                                   WalIdentity identity, WalOptions options,
                                                   raft::EntryId applied, WalContents& contents);
  static absl::StatusOr<std::unique_ptr<Wal>> Open(FileSystem& files, std::string folder,
                                                   WalIdentity identity, WalOptions options,
                                                   WalContents& contents) {
    return Open(files, std::move(folder), identity, std::move(options), raft::EntryId(), contents);
  }
  ~Wal();

  // One write. `sync` false: left to the next write that syncs (a commit index that moved loses
  // nothing). Entries lie in (base, last + 1]; one replaces what is at its index and behind.
  [[nodiscard]] absl::Status Append(const std::optional<raft::HardState>& hard_state,
                                    std::span<const raft::Entry> entries, bool sync);

  // Entries before `first_kept` (at most last + 1) are not needed any more: the log begins there,
  // and segments that hold nothing else are dropped or reused. Does nothing, and costs nothing,
  // when there is no such segment.
  [[nodiscard]] absl::Status TruncateBefore(raft::Index first_kept);

  // Everything is dropped: the log is empty and begins behind `base` (a snapshot was installed).
  // `members`: who belongs to the cluster as of there, the bytes of a conf change.
  [[nodiscard]] absl::Status ResetTo(raft::EntryId base, std::string members,
                                     const std::optional<raft::HardState>& hard_state);

  raft::EntryId base() const { return base_; }
  raft::EntryId last() const { return last_; }
  // Of all segments.
  uint64_t size_bytes() const;

  // Counts of syncs by duration: bucket i counts those up to 1 ms << i, the last the slower ones.
  // Any thread.
  static constexpr int kBuckets = 15;
  struct Stats {
    std::array<std::atomic<uint64_t>, kBuckets> syncs{};
    std::atomic<uint64_t> sync_nanoseconds{0};
    std::atomic<uint64_t> bytes_written{0};
    base::Histogram<14> writes{0.001, 2};  // without their syncs
  };
  const Stats& stats() const { return stats_; }

 private:
  Wal(FileSystem& files, std::string folder, WalIdentity identity, WalOptions options);

  absl::Status Recover(raft::EntryId applied, WalContents& contents);
  absl::Status ReadSegments(WalReader& reader);
  absl::Status Resume(const WalReader& reader, bool damaged);
  absl::Status StartSegment(size_t least_bytes);
  absl::Status Mark(uint64_t segment, raft::Term term);
  absl::Status WriteBatch(const std::optional<raft::HardState>& hard_state,
                          std::span<const raft::Entry> entries, bool sync);
  absl::Status WriteBase(const std::optional<raft::HardState>& hard_state, bool reset);
  BatchHead NextHead(const std::optional<raft::HardState>& hard_state) const;
  absl::Status MakeRoom(size_t bytes);
  absl::Status Write(const BatchHead& head, std::span<const raft::Entry> entries, bool sync);
  absl::Status DropSegments(size_t count);
  absl::Status SyncAndCount();
  absl::Status Final(const absl::Status& status);
  raft::Term TermAt(raft::Index index) const;
  void NoteEntries(std::span<const raft::Entry> entries);
  std::string SegmentPath(uint64_t number) const;
  uint64_t NextSector(uint64_t offset) const;

  FileSystem& files_;
  const std::string folder_;
  const WalIdentity identity_;
  const WalOptions options_;
  std::unique_ptr<SegmentPreparer> preparer_;
  std::unique_ptr<WalWitness> witness_;

  std::unique_ptr<File> segment_;  // nullptr: one has to be started first
  size_t segment_bytes_ = 0;
  std::deque<WalReader::Segment> segments_;  // oldest first; the last is segment_
  WalPosition end_;                          // where the next batch goes
  WalPosition durable_end_;                  // everything before it is synced
  uint64_t last_sequence_ = 0;
  raft::HardState hard_state_;
  raft::EntryId base_;
  raft::EntryId last_;
  std::deque<raft::EntryId> terms_;  // where the term changes, in (base_, last_]
  WalMembers members_;
  absl::Status failed_;  // the final error
  std::string buffer_;
  Stats stats_;
};

}  // namespace pintle::server::storage

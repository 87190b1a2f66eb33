// The bytes of the write-ahead log: pure encoding and decoding, no files. The layout is
// docs/formats/wal.md.
//
// Every part of a batch has a checksum of its own, and every checksum covers whose log it is and
// the part's position (segment number and offset): a stale or misplaced part, one of another
// member, or one that a client put into a value is never taken for a current one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::server::storage {

// Whose log it is; in the head of every segment.
struct WalIdentity {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  uint64_t data_dir = 0;  // drawn when the data-dir was made (data_dir.h)
  friend bool operator==(const WalIdentity&, const WalIdentity&) = default;
};

struct WalPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;
  friend auto operator<=>(const WalPosition&, const WalPosition&) = default;
};

// "segment 3, byte 512".
std::string Text(WalPosition position);

inline constexpr uint32_t kWalFormatVersion = 2;
// Batches begin at multiples of it, so that none is written into a disk's sector that holds
// another.
inline constexpr size_t kWalAlign = 512;
inline constexpr size_t kSegmentHeadBytes = 512;
inline constexpr size_t kBatchHeadBytes = 144;  // the one in front and the copy at the end
inline constexpr size_t kEntryHeadBytes = 40;

// What the log amounted to when a segment was begun: enough to do without everything before it.
struct SegmentHead {
  WalIdentity identity;
  uint64_t segment = 0;
  uint64_t sequence = 0;  // of the last batch before
  raft::EntryId base;     // the log begins behind it
  raft::EntryId last;     // the log ends with it
  raft::HardState hard_state;
  friend bool operator==(const SegmentHead&, const SegmentHead&) = default;
};

std::string EncodeSegmentHead(const SegmentHead& head);
enum class HeadCheck { kGood, kDamaged, kOtherVersion };
// `segment`: the number that the file's name says. `version` is set for kOtherVersion.
HeadCheck DecodeSegmentHead(std::string_view bytes, uint64_t segment, SegmentHead& head,
                            uint32_t& version);

// One write. All of it is in front of the batch and again at its end.
struct BatchHead {
  uint64_t sequence = 0;    // counts batches, from 1, through all segments
  WalPosition durable_end;  // everything before this position was synced when the batch was written
  raft::EntryId base;       // as in SegmentHead, with this batch
  raft::EntryId
      previous;        // the log ended with it before this batch's entries; what was behind went
  raft::EntryId last;  // the log ends with it after them
  raft::HardState hard_state;
  uint32_t entries = 0;
  bool reset = false;    // the log before this batch is no more; it begins behind `base`
  bool members = false;  // its one entry is none: it says who belongs to the cluster as of `base`
  uint64_t bytes = 0;    // of the whole batch, a multiple of kWalAlign
  friend bool operator==(const BatchHead&, const BatchHead&) = default;
};

// Identity of one entry; the payload lies elsewhere in the batch.
struct EntryHead {
  raft::EntryId id;
  raft::EntryKind kind = raft::EntryKind::kNormal;
  uint32_t offset = 0;  // of the payload from the batch's first byte
  uint32_t length = 0;
  uint32_t checksum = 0;  // of the payload
};

// `sector_bytes`: a multiple of kWalAlign.
size_t BatchBytes(std::span<const raft::Entry> entries, size_t sector_bytes);
// `head.entries` is filled in here, head.bytes is BatchBytes. Replaces `out`.
void EncodeBatch(const WalIdentity& identity, WalPosition start, BatchHead head,
                 std::span<const raft::Entry> entries, std::string& out);

// These read at position.offset of a segment's bytes. False: nothing valid there.
// Tells which of the two it is: the one in front, or the copy at the end.
bool DecodeBatchHead(const WalIdentity& identity, std::string_view segment_bytes,
                     WalPosition position, BatchHead& head, bool& is_copy);
// The head of the i-th entry of the batch that starts at `start`.
bool DecodeEntryHead(const WalIdentity& identity, std::string_view segment_bytes, WalPosition start,
                     uint32_t i, EntryHead& head);
bool IsPayloadIntact(const WalIdentity& identity, std::string_view segment_bytes, WalPosition start,
                     const EntryHead& head);

}  // namespace pintle::server::storage

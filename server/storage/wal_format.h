// The bytes of the write-ahead log: pure encoding and decoding, no files. The layout is
// docs/formats/wal.md.
//
// A record's checksum covers its position (segment number and offset) too, so that a stale or
// misplaced record is never taken for a current one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::server::storage {

// Whose log it is; in the head of every segment.
struct WalIdentity {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  friend bool operator==(const WalIdentity&, const WalIdentity&) = default;
};

struct WalPosition {
  uint64_t segment = 0;
  uint64_t offset = 0;
  friend auto operator<=>(const WalPosition&, const WalPosition&) = default;
};

inline constexpr size_t kSegmentHeadBytes = 64;
inline constexpr uint32_t kWalFormatVersion = 1;

std::string EncodeSegmentHead(const WalIdentity& identity, uint64_t segment);
enum class HeadCheck { kGood, kNotOurs, kDamaged, kNewerVersion };
HeadCheck DecodeSegmentHead(std::string_view bytes, uint64_t segment, WalIdentity& identity);

enum class WalRecordType : uint8_t { kBatch = 1, kHardState = 2, kEntry = 3 };

// The first record of every write.
struct WalBatchHead {
  uint64_t sequence = 0;    // counts batches, from 1
  WalPosition durable_end;  // everything before this position was synced when the batch was written
  uint32_t records = 0;     // that follow
};

struct WalRecord {
  WalRecordType type = WalRecordType::kBatch;
  WalBatchHead batch;
  raft::HardState hard_state;
  raft::Entry entry;
};

// Append one record to `out`, which will be written at `start` (the position of out's first byte).
void AppendBatchHead(std::string& out, WalPosition start, const WalBatchHead& head);
void AppendHardState(std::string& out, WalPosition start, const raft::HardState& state);
void AppendEntry(std::string& out, WalPosition start, const raft::Entry& entry);

// Bytes that AppendEntry will add.
size_t EntryRecordBytes(const raft::Entry& entry);
inline constexpr size_t kBatchHeadRecordBytes = 64;
inline constexpr size_t kHardStateRecordBytes = 64;

// Whether a batch head may lie there: cheap, before DecodeRecord checks sums over what chance calls
// a length.
bool LooksLikeBatchHead(std::string_view segment_bytes, WalPosition position);

// Reads the record at position.offset of a segment's bytes. `size`: bytes to go on by. False:
// nothing valid there.
bool DecodeRecord(std::string_view segment_bytes, WalPosition position, WalRecord& record,
                  size_t& size);

}  // namespace pintle::server::storage

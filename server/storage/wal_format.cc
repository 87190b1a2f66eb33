#include "server/storage/wal_format.h"

#include "absl/strings/str_cat.h"
#include "base/byte_codec.h"
#include "base/canary.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace pintle::server::storage {
namespace {

constexpr std::string_view kSegmentMagic = "PINTLWAL";
constexpr std::string_view kBatchMagic = "PBAT";
constexpr std::string_view kCopyMagic = "PEND";
constexpr size_t kSegmentFieldsBytes = 128;
constexpr size_t kBatchFieldsBytes = 136;
constexpr uint64_t kResetFlag = 1;
constexpr uint64_t kMembersFlag = 2;

uint32_t Checksum(const WalIdentity& identity, WalPosition position, std::string_view covered) {
  if (PINTLE_CANARY("position_not_checked")) return base::Crc32c(covered);
  std::string place;
  base::AppendFixed64(place, identity.cluster_id);
  base::AppendFixed64(place, identity.member_id);
  base::AppendFixed64(place, identity.data_dir);
  base::AppendFixed64(place, position.segment);
  base::AppendFixed64(place, position.offset);
  return base::ExtendCrc32c(base::Crc32c(place), covered);
}

void AppendId(std::string& out, const raft::EntryId& id) {
  base::AppendFixed64(out, id.term.value());
  base::AppendFixed64(out, id.index.value());
}

void AppendHardState(std::string& out, const raft::HardState& state) {
  base::AppendFixed64(out, state.term.value());
  base::AppendFixed64(out, state.vote.value());
  base::AppendFixed64(out, state.commit_index.value());
  AppendId(out, state.vote_floor);
}

// The fields of a head, one after another; short input is the caller's to exclude.
struct Fields {
  base::ByteReader reader;

  uint64_t U64() {
    uint64_t value = 0;
    reader.TakeFixed64(value);
    return value;
  }
  uint32_t U32() {
    uint32_t value = 0;
    reader.TakeFixed32(value);
    return value;
  }
  raft::EntryId Id() {
    const raft::Term term(U64());
    return {term, raft::Index(U64())};
  }
  raft::HardState HardState() {
    raft::HardState state;
    state.term = raft::Term(U64());
    state.vote = raft::MemberId(U64());
    state.commit_index = raft::Index(U64());
    state.vote_floor = Id();
    return state;
  }
};

void AppendBatchHead(std::string& out, const WalIdentity& identity, WalPosition start,
                     std::string_view magic, const BatchHead& head) {
  const size_t at = out.size();
  out.append(magic);
  base::AppendFixed32(out, head.entries);
  base::AppendFixed64(out, head.sequence);
  base::AppendFixed64(out, head.durable_end.segment);
  base::AppendFixed64(out, head.durable_end.offset);
  AppendId(out, head.base);
  AppendId(out, head.previous);
  AppendId(out, head.last);
  AppendHardState(out, head.hard_state);
  base::AppendFixed64(out, head.bytes);
  base::AppendFixed64(out, (head.reset ? kResetFlag : 0) | (head.members ? kMembersFlag : 0));
  out.resize(at + kBatchFieldsBytes, '\0');
  const WalPosition place{start.segment, start.offset + at};
  base::AppendFixed32(out, Checksum(identity, place, std::string_view(out).substr(at)));
  out.resize(at + kBatchHeadBytes, '\0');
}

uint32_t StoredChecksum(std::string_view bytes, size_t at) {
  Fields fields{base::ByteReader(bytes.substr(at, 4))};
  return fields.U32();
}

}  // namespace

std::string Text(WalPosition position) {
  return absl::StrCat("segment ", position.segment, ", byte ", position.offset);
}

std::string EncodeSegmentHead(const SegmentHead& head) {
  std::string out(kSegmentMagic);
  base::AppendFixed32(out, kWalFormatVersion);
  base::AppendFixed32(out, base::Crc32c(out));
  base::AppendFixed64(out, head.segment);
  base::AppendFixed64(out, head.identity.cluster_id);
  base::AppendFixed64(out, head.identity.member_id);
  base::AppendFixed64(out, head.identity.data_dir);
  base::AppendFixed64(out, head.sequence);
  AppendId(out, head.base);
  AppendId(out, head.last);
  AppendHardState(out, head.hard_state);
  out.resize(kSegmentFieldsBytes, '\0');
  base::AppendFixed32(out, base::Crc32c(out));
  out.resize(kSegmentHeadBytes, '\0');
  return out;
}

HeadCheck DecodeSegmentHead(std::string_view bytes, uint64_t segment, SegmentHead& head,
                            uint32_t& version) {
  if (bytes.size() < kSegmentHeadBytes || !bytes.starts_with(kSegmentMagic))
    return HeadCheck::kDamaged;
  Fields fields{base::ByteReader(bytes.substr(kSegmentMagic.size()))};
  version = fields.U32();
  const uint32_t version_checksum = fields.U32();
  // Version 1 had zeros there. A flipped bit must not look like another version.
  const bool version_is_certain = version_checksum == base::Crc32c(bytes.substr(0, 12)) ||
                                  (version == 1 && version_checksum == 0);
  if (version != kWalFormatVersion && version_is_certain) return HeadCheck::kOtherVersion;
  head.segment = fields.U64();
  head.identity.cluster_id = fields.U64();
  head.identity.member_id = fields.U64();
  head.identity.data_dir = fields.U64();
  head.sequence = fields.U64();
  head.base = fields.Id();
  head.last = fields.Id();
  head.hard_state = fields.HardState();
  const uint32_t stored = StoredChecksum(bytes, kSegmentFieldsBytes);
  const bool good = version == kWalFormatVersion && head.segment == segment &&
                    stored == base::Crc32c(bytes.substr(0, kSegmentFieldsBytes));
  return good ? HeadCheck::kGood : HeadCheck::kDamaged;
}

size_t BatchBytes(std::span<const raft::Entry> entries, size_t sector_bytes) {
  size_t bytes = 2 * kBatchHeadBytes + entries.size() * kEntryHeadBytes;
  for (const raft::Entry& entry : entries) bytes += entry.bytes().size();
  return (bytes + sector_bytes - 1) / sector_bytes * sector_bytes;
}

void EncodeBatch(const WalIdentity& identity, WalPosition start, BatchHead head,
                 std::span<const raft::Entry> entries, std::string& out) {
  head.entries = static_cast<uint32_t>(entries.size());
  out.clear();
  out.reserve(head.bytes);
  AppendBatchHead(out, identity, start, kBatchMagic, head);
  size_t offset = kBatchHeadBytes + entries.size() * kEntryHeadBytes;
  for (const raft::Entry& entry : entries) {
    const size_t at = out.size();
    AppendId(out, entry.id);
    base::AppendFixed32(out, static_cast<uint32_t>(offset));
    base::AppendFixed32(out, static_cast<uint32_t>(entry.bytes().size()));
    base::AppendFixed32(out,
                        Checksum(identity, {start.segment, start.offset + offset}, entry.bytes()));
    base::AppendFixed32(out, static_cast<uint32_t>(entry.kind));
    const WalPosition place{start.segment, start.offset + at};
    base::AppendFixed32(out, Checksum(identity, place, std::string_view(out).substr(at)));
    out.resize(at + kEntryHeadBytes, '\0');
    offset += entry.bytes().size();
  }
  for (const raft::Entry& entry : entries) out.append(entry.bytes());
  out.resize(head.bytes - kBatchHeadBytes, '\0');
  AppendBatchHead(out, identity, start, kCopyMagic, head);
  PINTLE_CHECK(out.size() == head.bytes, "the size of a batch of the log was misjudged");
}

bool DecodeBatchHead(const WalIdentity& identity, std::string_view segment_bytes,
                     WalPosition position, BatchHead& head, bool& is_copy) {
  if (position.offset + kBatchHeadBytes > segment_bytes.size()) return false;
  const std::string_view bytes = segment_bytes.substr(position.offset, kBatchHeadBytes);
  is_copy = bytes.starts_with(kCopyMagic);
  if (!is_copy && !bytes.starts_with(kBatchMagic)) return false;
  const std::string_view covered = bytes.substr(0, kBatchFieldsBytes);
  if (StoredChecksum(bytes, kBatchFieldsBytes) != Checksum(identity, position, covered))
    return false;
  Fields fields{base::ByteReader(covered.substr(kBatchMagic.size()))};
  head.entries = fields.U32();
  head.sequence = fields.U64();
  head.durable_end.segment = fields.U64();
  head.durable_end.offset = fields.U64();
  head.base = fields.Id();
  head.previous = fields.Id();
  head.last = fields.Id();
  head.hard_state = fields.HardState();
  head.bytes = fields.U64();
  const uint64_t flags = fields.U64();
  head.reset = (flags & kResetFlag) != 0;
  head.members = (flags & kMembersFlag) != 0;
  const uint64_t least = 2 * kBatchHeadBytes + uint64_t{head.entries} * kEntryHeadBytes;
  const uint64_t room =
      is_copy ? position.offset + kBatchHeadBytes : segment_bytes.size() - position.offset;
  return head.bytes >= least && head.bytes % kWalAlign == 0 && head.bytes <= room;
}

bool DecodeEntryHead(const WalIdentity& identity, std::string_view segment_bytes, WalPosition start,
                     uint32_t i, EntryHead& head) {
  const WalPosition place{start.segment,
                          start.offset + kBatchHeadBytes + uint64_t{i} * kEntryHeadBytes};
  if (place.offset + kEntryHeadBytes > segment_bytes.size()) return false;
  const std::string_view bytes = segment_bytes.substr(place.offset, kEntryHeadBytes);
  Fields fields{base::ByteReader(bytes)};
  head.id = fields.Id();
  head.offset = fields.U32();
  head.length = fields.U32();
  head.checksum = fields.U32();
  head.kind = static_cast<raft::EntryKind>(fields.U32());
  return fields.U32() == Checksum(identity, place, bytes.substr(0, 32));
}

bool IsPayloadIntact(const WalIdentity& identity, std::string_view segment_bytes, WalPosition start,
                     const EntryHead& head) {
  const WalPosition place{start.segment, start.offset + head.offset};
  if (place.offset + head.length > segment_bytes.size()) return false;
  if (PINTLE_CANARY("torn_batch_accepted")) return true;
  return head.checksum ==
         Checksum(identity, place, segment_bytes.substr(place.offset, head.length));
}

}  // namespace pintle::server::storage

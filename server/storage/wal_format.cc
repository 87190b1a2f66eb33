#include "server/storage/wal_format.h"

#include <memory>

#include "base/byte_codec.h"
#include "base/crc32c.h"

namespace pintle::server::storage {
namespace {

constexpr std::string_view kMagic = "PINTLWAL";
constexpr size_t kAlign = 8;
// length 4, checksum 4, type 1, kind 1, zero 6, then term 8 and index 8: the same for every type.
constexpr size_t kRecordHeadBytes = 32;

size_t Aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

uint32_t Checksum(WalPosition position, std::string_view covered) {
  std::string place;
  base::AppendFixed64(place, position.segment);
  base::AppendFixed64(place, position.offset);
  return base::ExtendCrc32c(base::Crc32c(place), covered);
}

// `start` is where out's first byte will lie.
void AppendRecord(std::string& out, WalPosition start, WalRecordType type, uint8_t kind,
                  uint64_t term, uint64_t index, std::string_view body) {
  const size_t at = out.size();
  base::AppendFixed32(out, static_cast<uint32_t>(body.size()));
  base::AppendFixed32(out, 0);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(kind));
  out.append(6, '\0');
  base::AppendFixed64(out, term);
  base::AppendFixed64(out, index);
  out.append(body);
  const std::string_view covered = std::string_view(out).substr(at + 8);
  std::string length;
  base::AppendFixed32(length, static_cast<uint32_t>(body.size()));
  const uint32_t crc =
      base::ExtendCrc32c(Checksum({start.segment, start.offset + at}, length), covered);
  std::string encoded;
  base::AppendFixed32(encoded, crc);
  out.replace(at + 4, 4, encoded);
  out.append(Aligned(out.size()) - out.size(), '\0');
}

bool DecodeBatchHead(std::string_view body, WalBatchHead& head) {
  base::ByteReader reader(body);
  return reader.TakeFixed64(head.sequence) && reader.TakeFixed64(head.durable_end.segment) &&
         reader.TakeFixed64(head.durable_end.offset) && reader.TakeFixed32(head.records);
}

}  // namespace

std::string EncodeSegmentHead(const WalIdentity& identity, uint64_t segment) {
  std::string out(kMagic);
  base::AppendFixed32(out, kWalFormatVersion);
  base::AppendFixed32(out, 0);
  base::AppendFixed64(out, segment);
  base::AppendFixed64(out, identity.cluster_id);
  base::AppendFixed64(out, identity.member_id);
  base::AppendFixed32(out, base::Crc32c(out));
  out.resize(kSegmentHeadBytes, '\0');
  return out;
}

HeadCheck DecodeSegmentHead(std::string_view bytes, uint64_t segment, WalIdentity& identity) {
  if (bytes.size() < kSegmentHeadBytes || !bytes.starts_with(kMagic)) return HeadCheck::kNotOurs;
  base::ByteReader reader(bytes.substr(kMagic.size()));
  uint32_t version = 0;
  uint32_t zero = 0;
  uint64_t number = 0;
  uint32_t crc = 0;
  reader.TakeFixed32(version);
  reader.TakeFixed32(zero);
  reader.TakeFixed64(number);
  reader.TakeFixed64(identity.cluster_id);
  reader.TakeFixed64(identity.member_id);
  const size_t covered = bytes.size() - reader.rest().size();
  reader.TakeFixed32(crc);
  if (crc != base::Crc32c(bytes.substr(0, covered)) || number != segment)
    return HeadCheck::kDamaged;
  return version > kWalFormatVersion ? HeadCheck::kNewerVersion : HeadCheck::kGood;
}

void AppendBatchHead(std::string& out, WalPosition start, const WalBatchHead& head) {
  std::string body;
  base::AppendFixed64(body, head.sequence);
  base::AppendFixed64(body, head.durable_end.segment);
  base::AppendFixed64(body, head.durable_end.offset);
  base::AppendFixed32(body, head.records);
  body.append(4, '\0');
  AppendRecord(out, start, WalRecordType::kBatch, 0, 0, 0, body);
}

void AppendHardState(std::string& out, WalPosition start, const raft::HardState& state) {
  std::string body;
  base::AppendFixed64(body, state.vote.value());
  base::AppendFixed64(body, state.commit_index.value());
  body.append(16, '\0');
  AppendRecord(out, start, WalRecordType::kHardState, 0, state.term.value(), 0, body);
}

void AppendEntry(std::string& out, WalPosition start, const raft::Entry& entry) {
  AppendRecord(out, start, WalRecordType::kEntry, static_cast<uint8_t>(entry.kind),
               entry.id.term.value(), entry.id.index.value(), entry.bytes());
}

size_t EntryRecordBytes(const raft::Entry& entry) {
  return Aligned(kRecordHeadBytes + entry.bytes().size());
}

bool LooksLikeBatchHead(std::string_view segment_bytes, WalPosition position) {
  if (position.offset + kBatchHeadRecordBytes > segment_bytes.size()) return false;
  base::ByteReader reader(segment_bytes.substr(position.offset));
  uint32_t length = 0;
  reader.TakeFixed32(length);
  return length == kBatchHeadRecordBytes - kRecordHeadBytes &&
         static_cast<WalRecordType>(segment_bytes[position.offset + 8]) == WalRecordType::kBatch;
}

bool DecodeRecord(std::string_view segment_bytes, WalPosition position, WalRecord& record,
                  size_t& size) {
  if (position.offset + kRecordHeadBytes > segment_bytes.size()) return false;
  const std::string_view rest = segment_bytes.substr(position.offset);
  base::ByteReader reader(rest);
  uint32_t length = 0;
  uint32_t crc = 0;
  std::string_view kinds;
  uint64_t term = 0;
  uint64_t index = 0;
  std::string_view body;
  if (!reader.TakeFixed32(length) || !reader.TakeFixed32(crc) || !reader.TakeBytes(8, kinds) ||
      !reader.TakeFixed64(term) || !reader.TakeFixed64(index) || !reader.TakeBytes(length, body)) {
    return false;
  }
  const std::string_view covered = rest.substr(8, kRecordHeadBytes - 8 + length);
  if (crc != base::ExtendCrc32c(Checksum(position, rest.substr(0, 4)), covered)) return false;
  size = Aligned(kRecordHeadBytes + length);
  record.type = static_cast<WalRecordType>(kinds[0]);
  switch (record.type) {
    case WalRecordType::kBatch:
      return DecodeBatchHead(body, record.batch);
    case WalRecordType::kHardState: {
      base::ByteReader fields(body);
      uint64_t vote = 0;
      uint64_t commit = 0;
      if (!fields.TakeFixed64(vote) || !fields.TakeFixed64(commit)) return false;
      record.hard_state = {raft::Term(term), raft::MemberId(vote), raft::Index(commit)};
      return true;
    }
    case WalRecordType::kEntry:
      record.entry = {{raft::Term(term), raft::Index(index)},
                      static_cast<raft::EntryKind>(kinds[1]),
                      std::make_shared<const std::string>(body)};
      return true;
  }
  return false;
}

}  // namespace pintle::server::storage

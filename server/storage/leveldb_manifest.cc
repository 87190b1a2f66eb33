#include "server/storage/leveldb_manifest.h"

#include <algorithm>
#include <cstdint>

#include "base/byte_codec.h"
#include "base/crc32c.h"

namespace pintle::server::storage {
namespace {

// LevelDB's log format (its doc/log_format.md): blocks of 32 KiB; records of checksum 4, length 2,
// type 1 and bytes; an edit is one record, or a first, middle and last one.
constexpr size_t kBlockBytes = size_t{32} << 10;
constexpr size_t kRecordHeadBytes = 7;
constexpr char kFull = 1;
constexpr char kFirst = 2;
constexpr char kLast = 4;

// Bytes of the intact record that lies there; 0: there is none.
size_t RecordBytes(std::string_view bytes, size_t at) {
  const size_t left = std::min(bytes.size(), (at / kBlockBytes + 1) * kBlockBytes) - at;
  if (left < kRecordHeadBytes) return 0;
  const char type = bytes[at + 6];
  const size_t length = static_cast<uint8_t>(bytes[at + 4]) |
                        static_cast<size_t>(static_cast<uint8_t>(bytes[at + 5])) << 8;
  if (type < kFull || type > kLast || kRecordHeadBytes + length > left) return 0;
  base::ByteReader reader(bytes.substr(at, 4));
  uint32_t stored = 0;
  reader.TakeFixed32(stored);
  const uint32_t crc = base::Crc32c(bytes.substr(at + 6, 1 + length));
  const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
  return stored == masked ? kRecordHeadBytes + length : 0;
}

// LevelDB's tags of what an edit says (its version_edit.cc), in the order in which it writes them.
constexpr uint64_t kComparator = 1;
constexpr uint64_t kLogNumber = 2;
constexpr uint64_t kPreviousLogNumber = 9;
constexpr uint64_t kNextFile = 3;
constexpr uint64_t kLastSequence = 4;

struct Edit {
  std::string_view bytes;
  bool names_comparator = false;
  uint64_t next_file = 0;
  uint64_t last_sequence = 0;
};

Edit ParseEdit(std::string_view bytes) {
  Edit edit{.bytes = bytes};
  base::ByteReader reader(bytes);
  uint64_t tag = 0;
  uint64_t value = 0;
  std::string_view name;
  while (reader.TakeVarint(tag)) {
    if (tag == kComparator) {
      if (!reader.TakeDelimited(name)) break;
      edit.names_comparator = true;
      continue;
    }
    const bool number =
        tag == kLogNumber || tag == kPreviousLogNumber || tag == kNextFile || tag == kLastSequence;
    if (!number || !reader.TakeVarint(value)) break;
    if (tag == kNextFile) edit.next_file = value;
    if (tag == kLastSequence) edit.last_sequence = value;
  }
  return edit;
}

// Whether edits may follow on each other like that: a MANIFEST's first one names the comparator, no
// other does, its numbers never go back (0: the edit does not say), and none says again what the
// one before it said.
class EditOrder {
 public:
  bool Take(const Edit& edit) {
    if (edit.names_comparator != first_ || edit.bytes == previous_) return false;
    first_ = false;
    previous_ = edit.bytes;
    return Advances(edit.next_file, next_file_) && Advances(edit.last_sequence, last_sequence_);
  }

 private:
  static bool Advances(uint64_t value, uint64_t& newest) {
    if (value != 0 && value < newest) return false;
    newest = std::max(newest, value);
    return true;
  }

  bool first_ = true;
  std::string_view previous_;
  uint64_t next_file_ = 0;
  uint64_t last_sequence_ = 0;
};

bool BeginsAnEdit(char type) { return type == kFull || type == kFirst; }

}  // namespace

std::optional<size_t> IntactManifestBytes(std::string_view bytes) {
  size_t at = 0;
  size_t edits_end = 0;
  EditOrder order;
  while (at < bytes.size()) {
    if (kBlockBytes - at % kBlockBytes < kRecordHeadBytes) {  // what is left of a block is zeros
      at = (at / kBlockBytes + 1) * kBlockBytes;
      continue;
    }
    const size_t size = RecordBytes(bytes, at);
    if (size == 0) break;
    const char type = bytes[at + 6];
    const std::string_view payload = bytes.substr(at + kRecordHeadBytes, size - kRecordHeadBytes);
    if (BeginsAnEdit(type) && !order.Take(ParseEdit(payload))) return std::nullopt;
    at += size;
    if (type == kFull || type == kLast) edits_end = at;
  }
  for (size_t behind = at + 1; behind < bytes.size(); ++behind) {
    if (RecordBytes(bytes, behind) > 0 && BeginsAnEdit(bytes[behind + 6])) return std::nullopt;
  }
  return edits_end;
}

}  // namespace pintle::server::storage

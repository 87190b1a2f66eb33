#include "kv/snapshot.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_codec.h"
#include "base/canary.h"
#include "base/fault_point.h"
#include "base/hash64.h"
#include "base/status_macros.h"
#include "kv/record.h"

namespace pintle::kv {
namespace {

constexpr uint64_t kFormat = 1;
constexpr std::string_view kMagic = "PINTLESN";
constexpr char kHead = 'h';
constexpr char kChunk = 'c';
constexpr char kTrailer = 'e';

// kind, fixed32 length of the body; then the body; then fixed64 checksum.
constexpr size_t kFrontBytes = 5;
constexpr size_t kChecksumBytes = 8;

// Appends a part. Its checksum, returned, covers the one before: a part fits in one place only.
uint64_t AppendPart(std::string& out, char kind, std::string_view body, uint64_t chain) {
  const size_t begin = out.size();
  out.push_back(kind);
  base::AppendFixed32(out, static_cast<uint32_t>(body.size()));
  out.append(body);
  const uint64_t checksum = base::Hash64(std::string_view(out).substr(begin), chain);
  base::AppendFixed64(out, checksum);
  return checksum;
}

// Everything is copied as it is, how far deletion has come too: it is true of these records.
std::string LastKey() { return std::string(1, '\xff'); }

}  // namespace

absl::Status SnapshotWriter::MakeHead() {
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes, content_->Get(StateKey()));
  const auto state = ParseState(bytes);
  if (!state.has_value()) return absl::DataLossError("the store's state cannot be read");
  std::string body(kMagic);
  base::AppendFixed64(body, kFormat);
  base::AppendFixed64(body, state->sequence.value());
  base::AppendFixed64(body, state->term);
  base::AppendFixed64(body, static_cast<uint64_t>(state->revision));
  base::AppendFixed64(body, state->hash);
  chain_ = AppendPart(buffer_, kHead, body, 0);
  head_made_ = true;
  return absl::OkStatus();
}

absl::Status SnapshotWriter::MakeChunk() {
  std::string body;
  std::string last;
  PINTLE_RETURN_IF_ERROR(
      content_->Scan(from_, LastKey(), [&](std::string_view key, std::string_view value) {
        base::AppendVarint(body, key.size());
        body.append(key);
        base::AppendVarint(body, value.size());
        body.append(value);
        last = key;
        ++records_;
        return body.size() < kSnapshotChunkBytes;
      }));
  if (body.empty()) {
    records_made_ = true;
    return absl::OkStatus();
  }
  chain_ = AppendPart(buffer_, kChunk, body, chain_);
  from_ = last + '\0';
  base::FaultPoint("kv.snapshot_chunk_read");
  return absl::OkStatus();
}

void SnapshotWriter::MakeTrailer() {
  std::string body;
  base::AppendFixed64(body, records_);
  chain_ = AppendPart(buffer_, kTrailer, body, chain_);
  trailer_made_ = true;
}

absl::Status SnapshotWriter::Fill() {
  if (taken_ < buffer_.size() || trailer_made_) return absl::OkStatus();
  buffer_.clear();
  taken_ = 0;
  if (!head_made_) return MakeHead();
  if (!records_made_) PINTLE_RETURN_IF_ERROR(MakeChunk());
  if (records_made_) MakeTrailer();
  return absl::OkStatus();
}

absl::StatusOr<std::string> SnapshotWriter::Next(size_t max_bytes) {
  std::string out;
  while (out.size() < max_bytes && !done()) {
    PINTLE_RETURN_IF_ERROR(Fill());
    const size_t take = std::min(max_bytes - out.size(), buffer_.size() - taken_);
    out.append(buffer_, taken_, take);
    taken_ += take;
  }
  offset_ += out.size();
  return out;
}

absl::Status SnapshotWriter::SkipTo(uint64_t offset) {
  if (offset < offset_) return absl::InvalidArgumentError("a snapshot is read forward");
  while (offset_ < offset && !done()) {
    PINTLE_RETURN_IF_ERROR(Fill());
    const uint64_t take = std::min<uint64_t>(offset - offset_, buffer_.size() - taken_);
    taken_ += take;
    offset_ += take;
  }
  if (offset_ != offset) return absl::OutOfRangeError("the snapshot ends before that");
  return absl::OkStatus();
}

absl::Status SnapshotReader::Fail(std::string_view what) {
  buffer_.clear();
  const absl::Status failure = absl::DataLossError(
      absl::StrCat("the snapshot is damaged: ", absl::string_view(what.data(), what.size())));
  return failure_ = failure;
}

absl::Status SnapshotReader::Feed(std::string_view bytes) {
  PINTLE_RETURN_IF_ERROR(failure_);
  buffer_.append(bytes);
  failure_ = FeedParts();
  return failure_;
}

absl::Status SnapshotReader::FeedParts() {
  size_t at = 0;
  while (buffer_.size() - at >= kFrontBytes) {
    const std::string_view rest = std::string_view(buffer_).substr(at);
    if (has_trailer_) return Fail("something is behind its end");
    base::ByteReader front(rest.substr(1));
    uint32_t length = 0;
    front.TakeFixed32(length);
    // Before there is a head nothing says that this is a snapshot: no waiting for a large part.
    if (length > (has_head_ ? kMaxSnapshotChunkBytes : size_t{256})) return Fail("a part's length");
    const size_t size = kFrontBytes + length;
    if (rest.size() < size + kChecksumBytes) break;
    base::ByteReader tail(rest.substr(size));
    uint64_t checksum = 0;
    tail.TakeFixed64(checksum);
    if (checksum != base::Hash64(rest.substr(0, size), chain_)) return Fail("a checksum differs");
    chain_ = checksum;
    PINTLE_RETURN_IF_ERROR(TakePart(rest[0], rest.substr(kFrontBytes, length)));
    at += size + kChecksumBytes;
  }
  buffer_.erase(0, at);
  return absl::OkStatus();
}

absl::Status SnapshotReader::TakePart(char kind, std::string_view body) {
  if ((kind == kHead) == has_head_) return Fail("its parts are not in order");
  if (kind == kHead) return TakeHead(body);
  if (kind == kChunk) return TakeChunk(body);
  if (kind == kTrailer) return TakeTrailer(body);
  return Fail("a part of unknown kind");
}

absl::Status SnapshotReader::TakeHead(std::string_view body) {
  base::ByteReader reader(body);
  std::string_view magic;
  uint64_t format = 0;
  uint64_t sequence = 0;
  uint64_t revision = 0;
  reader.TakeBytes(kMagic.size(), magic);
  reader.TakeFixed64(format);
  if (!reader.ok() || magic != kMagic) return Fail("it does not begin like one");
  if (format != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the snapshot has format ", format, ", this program knows format ", kFormat));
  }
  reader.TakeFixed64(sequence);
  reader.TakeFixed64(head_.term);
  reader.TakeFixed64(revision);
  reader.TakeFixed64(head_.hash);
  if (!reader.ok() || !reader.empty()) return Fail("its head");
  head_.sequence = Sequence(sequence);
  head_.revision = static_cast<int64_t>(revision);
  has_head_ = true;
  return absl::OkStatus();
}

absl::Status SnapshotReader::TakeChunk(std::string_view body) {
  base::ByteReader reader(body);
  BackendBatch batch;
  while (!reader.empty()) {
    std::string_view key;
    std::string_view value;
    if (!reader.TakeDelimited(key) || !reader.TakeDelimited(value)) return Fail("a record");
    if (key <= std::string_view(last_key_)) return Fail("records are not in order");
    last_key_ = key;
    ++records_;
    batch.Put(std::string(key), std::string(value));
  }
  if (batch.ops.empty()) return Fail("an empty chunk");
  base::FaultPoint("kv.snapshot_before_chunk");
  PINTLE_RETURN_IF_ERROR(target_.Apply(batch));
  base::FaultPoint("kv.snapshot_after_chunk");
  return absl::OkStatus();
}

absl::Status SnapshotReader::TakeTrailer(std::string_view body) {
  base::ByteReader reader(body);
  uint64_t records = 0;
  reader.TakeFixed64(records);
  if (!reader.ok() || !reader.empty() || records != records_) return Fail("records are missing");
  has_trailer_ = true;
  return absl::OkStatus();
}

absl::Status SnapshotReader::Finish() {
  PINTLE_RETURN_IF_ERROR(failure_);
  if (!has_trailer_ || !buffer_.empty()) return Fail("its end is missing, or not its end");
  // The head is what the store will say of itself.
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes, target_.Get(StateKey()));
  const auto state = ParseState(bytes);
  if (!state.has_value() || state->sequence != head_.sequence || state->term != head_.term ||
      state->revision != head_.revision || state->hash != head_.hash) {
    return Fail("it holds another position than its head says");
  }
  // Durable with what follows: the position is known to the backend once it is told.
  BackendBatch position;
  position.sequence = head_.sequence;
  if (PINTLE_CANARY("store_swap_forgets_index")) {
    StoredState older = *state;
    older.sequence = Sequence(state->sequence.value() - 1);
    position.Put(StateKey(), EncodeState(older));
  }
  PINTLE_RETURN_IF_ERROR(target_.Apply(position));
  base::FaultPoint("kv.snapshot_verified");
  return absl::OkStatus();
}

}  // namespace pintle::kv

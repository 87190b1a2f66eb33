// The byte stream of a snapshot: what a frozen backend holds, for another member's new one.
//
// docs/formats/snapshot.md has the layout: a head, chunks of records, a trailer, each with its own
// checksum bound to its place, and a count over all. The same content gives the same bytes whoever
// writes them and however they are asked for, so a transfer can be taken up again at any offset.
//
// Owner and thread: one at a time. Memory: one chunk (kSnapshotChunkBytes and at most one record
// more). Errors: what the backend says; the reader says DATA_LOSS for whatever is not what a writer
// wrote: a flipped byte, a missing end, something behind it, pieces in another order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/types.h"

namespace pintle::kv {

inline constexpr size_t kSnapshotChunkBytes = size_t{64} << 10;
// A chunk has one record too many at most; a record is no larger than a request.
inline constexpr size_t kMaxSnapshotChunkBytes = size_t{256} << 20;

struct SnapshotHead {
  Sequence sequence;
  uint64_t term = 0;
  int64_t revision = 1;
  uint64_t hash = 0;  // kv/hash_chain.h
};

class SnapshotWriter {
 public:
  // `content` is a store's: Store::NewSnapshot().
  explicit SnapshotWriter(std::shared_ptr<const BackendReader> content)
      : content_(std::move(content)) {}

  // The next bytes, at least one and at most `max_bytes` of them, until done(); then none.
  absl::StatusOr<std::string> Next(size_t max_bytes);
  bool done() const { return trailer_made_ && taken_ == buffer_.size(); }

  // The offset of what Next() gives next. SkipTo goes on to a later one (by reading up to there).
  uint64_t offset() const { return offset_; }
  absl::Status SkipTo(uint64_t offset);

 private:
  absl::Status Fill();
  absl::Status MakeHead();
  absl::Status MakeChunk();
  void MakeTrailer();

  const std::shared_ptr<const BackendReader> content_;
  std::string buffer_;  // made, and taken up to taken_
  size_t taken_ = 0;
  uint64_t offset_ = 0;
  bool head_made_ = false;
  bool records_made_ = false;
  bool trailer_made_ = false;
  std::string from_;    // first key that no chunk has yet
  uint64_t chain_ = 0;  // checksum of the part before
  uint64_t records_ = 0;
};

class SnapshotReader {
 public:
  // `target`: new and empty. It is a store only once Finish() has said so.
  explicit SnapshotReader(Backend& target) : target_(target) {}

  // The next bytes of the stream, cut anywhere. After an error nothing more is taken.
  absl::Status Feed(std::string_view bytes);
  // That was all. OK: every byte was what the writer wrote.
  absl::Status Finish();

  // Valid once enough was fed, and after Finish().
  const SnapshotHead& head() const { return head_; }

 private:
  absl::Status FeedParts();
  absl::Status TakePart(char kind, std::string_view body);
  absl::Status TakeHead(std::string_view body);
  absl::Status TakeChunk(std::string_view body);
  absl::Status TakeTrailer(std::string_view body);
  absl::Status Fail(std::string_view what);

  Backend& target_;
  std::string buffer_;  // of parts that are not whole yet
  SnapshotHead head_;
  bool has_head_ = false;
  bool has_trailer_ = false;
  absl::Status failure_;
  std::string last_key_;
  uint64_t chain_ = 0;
  uint64_t records_ = 0;
};

}  // namespace pintle::kv

#include "server/storage/wal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "server/storage/segment_preparer.h"

namespace pintle::server::storage {
namespace {

constexpr size_t kLargestBatchBytes = size_t{256} << 20;
constexpr size_t kAlign = 8;
constexpr char kPreparedName[] = "next.tmp";
constexpr char kRejoin[] =
    "Restore this member's data-dir, or the cluster from a backup; an empty data-dir under the "
    "same name would "
    "forget votes and acknowledged entries";

std::string At(WalPosition position) {
  return absl::StrCat("segment ", position.segment, ", byte ", position.offset);
}

// Overrides: an entry replaces those at its index and behind it.
bool AddEntry(std::vector<raft::Entry>& entries, raft::Entry entry) {
  const uint64_t index = entry.id.index.value();
  if (index == 0 || index > entries.size() + 1) return false;
  entries.resize(index - 1);
  entries.push_back(std::move(entry));
  return true;
}

}  // namespace

Wal::Wal(FileSystem& files, std::string folder, WalIdentity identity, WalOptions options)
    : files_(files), folder_(std::move(folder)), identity_(identity), options_(options) {}

Wal::~Wal() = default;

std::string Wal::SegmentPath(uint64_t number) const {
  return absl::StrFormat("%s/%016x.wal", folder_, number);
}

absl::StatusOr<std::unique_ptr<Wal>> Wal::Open(FileSystem& files, std::string folder,
                                               WalIdentity identity, WalOptions options,
                                               WalContents& contents) {
  PINTLE_RETURN_IF_ERROR(files.MakeFolder(folder));
  if (const size_t slash = folder.rfind('/'); slash != std::string::npos && slash > 0) {
    PINTLE_RETURN_IF_ERROR(files.SyncFolder(folder.substr(0, slash)));
  }
  std::unique_ptr<Wal> wal(new Wal(files, std::move(folder), identity, options));
  PINTLE_RETURN_IF_ERROR(wal->Recover(contents));
  return wal;
}

absl::Status Wal::Recover(WalContents& contents) {
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(folder_));
  std::vector<uint64_t> segments;
  for (const auto& name : names) {
    uint64_t number = 0;
    if (name.ends_with(".wal") && absl::SimpleHexAtoi(name.substr(0, name.size() - 4), &number)) {
      segments.push_back(number);
    }
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    if (i > 0 && segments[i] != segments[i - 1] + 1) {
      return absl::DataLossError(absl::StrCat(SegmentPath(segments[i - 1] + 1),
                                              " is missing: restore this member's "
                                              "data-dir, or start it anew as a new member"));
    }
    PINTLE_RETURN_IF_ERROR(RecoverSegment(segments[i], i + 1 == segments.size(), contents));
  }
  durable_end_ = end_;
  preparer_ = std::make_unique<SegmentPreparer>(files_, folder_ + "/" + kPreparedName);
  const size_t next =
      std::clamp(segment_bytes_ * 2, options_.first_segment_bytes, options_.largest_segment_bytes);
  preparer_->Prepare(next);
  return segments.empty() ? StartSegment(0) : absl::OkStatus();
}

absl::Status Wal::RecoverSegment(uint64_t number, bool last, WalContents& contents) {
  const std::string path = SegmentPath(number);
  PINTLE_ASSIGN_OR_RETURN(const std::string bytes, files_.ReadWhole(path));
  WalIdentity found;
  switch (DecodeSegmentHead(bytes, number, found)) {
    case HeadCheck::kGood:
      break;
    case HeadCheck::kNewerVersion:
      return absl::FailedPreconditionError(path +
                                           " was written by a newer version: start that version");
    case HeadCheck::kNotOurs:
    case HeadCheck::kDamaged:
      return absl::DataLossError(path + ": the head of the segment is damaged");
  }
  if (found != identity_) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s belongs to member %x of cluster %x, not to member %x of cluster %x: wrong data-dir, "
        "--initial-cluster or --initial-cluster-token",
        path, found.member_id, found.cluster_id, identity_.member_id, identity_.cluster_id));
  }
  WalPosition position{number, kSegmentHeadBytes};
  const uint64_t sequence_before = last_sequence_;
  while (RecoverBatch(bytes, position, contents)) {
  }
  // A segment is synced before the next one exists: a first batch that does not follow on, or
  // anything behind the last batch of a segment that is not the last, means damage.
  WalRecord record;
  size_t size = 0;
  const bool gap =
      last_sequence_ == sequence_before && DecodeRecord(bytes, position, record, size) &&
      record.type == WalRecordType::kBatch && record.batch.sequence > last_sequence_ + 1;
  const bool leftover =
      !last && bytes.find_first_not_of('\0', position.offset) != std::string::npos;
  if (gap || leftover) {
    return absl::DataLossError(absl::StrCat("the log is damaged ", gap ? "before " : "in ", path,
                                            ": entries behind index ", contents.entries.size(),
                                            " cannot be read. ", kRejoin));
  }
  end_ = position;
  segment_bytes_ = bytes.size();
  if (!last) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(segment_, files_.OpenForWrite(path));
  PINTLE_RETURN_IF_ERROR(CheckTail(bytes, position, contents));
  // What was read may have come from the page cache of a process that was killed before its sync:
  // from now on it counts as durable, so it has to be.
  return segment_->Sync();
}

bool Wal::RecoverBatch(std::string_view bytes, WalPosition& position, WalContents& contents) {
  WalRecord record;
  size_t size = 0;
  WalPosition at = position;
  if (!DecodeRecord(bytes, at, record, size) || record.type != WalRecordType::kBatch ||
      record.batch.sequence != last_sequence_ + 1) {
    return false;
  }
  const WalBatchHead head = record.batch;
  at.offset += size;
  std::optional<raft::HardState> hard_state;
  std::vector<raft::Entry> entries;
  for (uint32_t i = 0; i < head.records; ++i) {
    if (!DecodeRecord(bytes, at, record, size)) return false;
    if (record.type == WalRecordType::kHardState) hard_state = record.hard_state;
    if (record.type == WalRecordType::kEntry) entries.push_back(std::move(record.entry));
    at.offset += size;
  }
  for (auto& entry : entries) {
    if (!AddEntry(contents.entries, std::move(entry))) return false;
  }
  if (hard_state) contents.hard_state = *hard_state;
  last_sequence_ = head.sequence;
  position = at;
  return true;
}

// Behind the last whole batch there may be zeros, or one torn batch. A later batch that was written
// when more than this was already synced means that synced bytes were damaged.
absl::Status Wal::CheckTail(std::string_view bytes, WalPosition end, WalContents& contents) {
  const size_t first = bytes.find_first_not_of('\0', end.offset);
  if (first == std::string_view::npos) return absl::OkStatus();
  for (WalPosition at = end; at.offset + kAlign <= bytes.size(); at.offset += kAlign) {
    if (!LooksLikeBatchHead(bytes, at)) continue;
    WalRecord record;
    size_t size = 0;
    if (DecodeRecord(bytes, at, record, size) && record.batch.durable_end > end) {
      return absl::DataLossError(absl::StrCat(
          SegmentPath(end.segment), ": damaged at ", At(end), ", before what a later write (",
          At(at), ") knew to be synced: entries behind index ", contents.entries.size(),
          " cannot be read. ", kRejoin));
    }
  }
  contents.dropped = absl::StrCat("a torn last write at ", At(end), ", behind index ",
                                  contents.entries.size(), ": nothing of it was acknowledged");
  const std::string zeros(bytes.size() - end.offset, '\0');
  const std::string_view piece = zeros;
  return segment_->WriteAt(end.offset, std::span(&piece, 1));
}

absl::Status Wal::StartSegment(size_t least_bytes) {
  // A failure of then (a full disk, say) is not one of now: tried once more, here, where it counts.
  const absl::StatusOr<size_t> made = preparer_->Take();
  size_t bytes = made.ok() ? *made : 0;
  const std::string prepared = folder_ + "/" + kPreparedName;
  if (bytes == 0 || bytes < least_bytes) {
    bytes = std::max(least_bytes, options_.first_segment_bytes);
    PINTLE_RETURN_IF_ERROR(WriteZeros(files_, prepared, bytes));
  }
  const uint64_t number = end_.segment + 1;
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_.OpenForWrite(prepared));
  const std::string head = EncodeSegmentHead(identity_, number);
  const std::string_view piece = head;
  PINTLE_RETURN_IF_ERROR(file->WriteAt(0, std::span(&piece, 1)));
  PINTLE_RETURN_IF_ERROR(file->Sync());
  // What was written to the old segment without a sync must be there before a new one is.
  if (segment_ != nullptr) PINTLE_RETURN_IF_ERROR(segment_->Sync());
  PINTLE_RETURN_IF_ERROR(files_.Rename(prepared, SegmentPath(number)));
  PINTLE_RETURN_IF_ERROR(files_.SyncFolder(folder_));
  segment_ = std::move(file);
  segment_bytes_ = bytes;
  end_ = {number, kSegmentHeadBytes};
  durable_end_ = end_;
  preparer_->Prepare(std::min(bytes * 2, options_.largest_segment_bytes));
  return absl::OkStatus();
}

absl::Status Wal::Append(const std::optional<raft::HardState>& hard_state,
                         std::span<const raft::Entry> entries, bool sync) {
  size_t bytes = kBatchHeadRecordBytes + (hard_state ? kHardStateRecordBytes : 0);
  for (const auto& entry : entries) bytes += EntryRecordBytes(entry);
  PINTLE_CHECK(bytes <= kLargestBatchBytes, "a batch of the log is too large");
  if (end_.offset + bytes > segment_bytes_)
    PINTLE_RETURN_IF_ERROR(StartSegment(kSegmentHeadBytes + bytes));

  buffer_.clear();
  AppendBatchHead(buffer_, end_,
                  {.sequence = ++last_sequence_,
                   .durable_end = durable_end_,
                   .records = static_cast<uint32_t>(entries.size() + (hard_state ? 1 : 0))});
  if (hard_state) AppendHardState(buffer_, end_, *hard_state);
  for (const auto& entry : entries) AppendEntry(buffer_, end_, entry);
  PINTLE_CHECK(buffer_.size() == bytes, "the size of a batch of the log was misjudged");
  const std::string_view piece = buffer_;
  PINTLE_RETURN_IF_ERROR(segment_->WriteAt(end_.offset, std::span(&piece, 1)));
  end_.offset += bytes;
  stats_.bytes_written += bytes;
  return sync ? SyncAndCount() : absl::OkStatus();
}

absl::Status Wal::SyncAndCount() {
  const auto start = std::chrono::steady_clock::now();
  PINTLE_RETURN_IF_ERROR(segment_->Sync());
  durable_end_ = end_;
  const auto took = std::chrono::steady_clock::now() - start;
  size_t bucket = 0;
  while (bucket + 1 < kBuckets && took > std::chrono::milliseconds(int64_t{1} << bucket)) ++bucket;
  ++stats_.syncs[bucket];
  stats_.sync_nanoseconds += static_cast<uint64_t>(std::chrono::nanoseconds(took).count());
  return absl::OkStatus();
}

}  // namespace pintle::server::storage

#include "server/storage/wal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/canary.h"
#include "base/check.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "server/storage/segment_preparer.h"
#include "server/storage/wal_witness.h"

namespace pintle::server::storage {
namespace {

constexpr size_t kLargestBatchBytes = size_t{256} << 20;
constexpr size_t kLargestBufferBytes = size_t{8} << 20;  // kept between batches
constexpr char kPreparedName[] = "next.tmp";
constexpr char kSpareName[] = "spare.tmp";

constexpr size_t kSectorBytes = 512;  // the least that a disk fails to read

// What the disk cannot read becomes bytes that no checksum fits and that are not zeros either.
absl::StatusOr<std::string> ReadSegment(FileSystem& files, const std::string& path) {
  absl::StatusOr<std::string> whole = files.ReadWhole(path);
  if (whole.ok() || !absl::IsInternal(whole.status())) return whole;
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForRead(path));
  PINTLE_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::string bytes(size, '\xee');
  for (uint64_t at = 0; at < size; at += kSectorBytes) {
    const size_t count = std::min<size_t>(kSectorBytes, size - at);
    const bool read = file->ReadAt(at, count, bytes.data() + at).ok();
    if (!read) bytes.replace(at, count, count, '\xee');
  }
  return bytes;
}

bool FollowOn(std::span<const raft::Entry> entries) {
  for (size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].id.index != entries[i - 1].id.index + 1) return false;
  }
  return true;
}

// Several of raft's jobs in one write: an entry of a later one may replace some of an earlier one.
std::vector<raft::Entry> WithoutReplaced(std::span<const raft::Entry> entries) {
  std::vector<raft::Entry> kept;
  for (const raft::Entry& entry : entries) {
    while (!kept.empty() && kept.back().id.index >= entry.id.index) kept.pop_back();
    kept.push_back(entry);
  }
  PINTLE_CHECK(FollowOn(kept), "entries for the log leave a gap");
  return kept;
}

}  // namespace

Wal::Wal(FileSystem& files, std::string folder, WalIdentity identity, WalOptions options)
    : files_(files),
      folder_(std::move(folder)),
      identity_(identity),
      options_(std::move(options)) {}

Wal::~Wal() = default;

std::string Wal::SegmentPath(uint64_t number) const {
  return absl::StrFormat("%s/%016x.wal", folder_, number);
}

uint64_t Wal::NextSector(uint64_t offset) const {
  return (offset + options_.sector_bytes - 1) / options_.sector_bytes * options_.sector_bytes;
}

uint64_t Wal::size_bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment.bytes;
  return bytes;
}

absl::StatusOr<std::unique_ptr<Wal>> Wal::Open(FileSystem& files, std::string folder,
                                               WalIdentity identity, WalOptions options,
                                               raft::EntryId applied, WalContents& contents) {
  PINTLE_RETURN_IF_ERROR(files.MakeFolder(folder));
  if (const size_t slash = folder.rfind('/'); slash != std::string::npos && slash > 0) {
    PINTLE_RETURN_IF_ERROR(files.SyncFolder(folder.substr(0, slash)));
  }
  std::unique_ptr<Wal> wal(new Wal(files, std::move(folder), identity, std::move(options)));
  PINTLE_RETURN_IF_ERROR(wal->Recover(applied, contents));
  return wal;
}

absl::Status Wal::ReadSegments(WalReader& reader) {
  PINTLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(folder_));
  std::vector<uint64_t> numbers;
  for (const auto& name : names) {
    uint64_t number = 0;
    if (name.ends_with(".wal") && absl::SimpleHexAtoi(name.substr(0, name.size() - 4), &number)) {
      numbers.push_back(number);
    }
  }
  for (const uint64_t number : numbers) {
    const std::string path = SegmentPath(number);
    PINTLE_ASSIGN_OR_RETURN(const std::string bytes, ReadSegment(files_, path));
    PINTLE_RETURN_IF_ERROR(reader.Read(number, path, bytes, number == numbers.back()));
  }
  return absl::OkStatus();
}

absl::Status Wal::Recover(raft::EntryId applied, WalContents& contents) {
  WalReader reader(identity_, /*check_identity=*/true, /*visitor=*/nullptr);
  PINTLE_RETURN_IF_ERROR(ReadSegments(reader));
  const std::string& witness = options_.witness_path;
  PINTLE_ASSIGN_OR_RETURN(
      witness_, WalWitness::Open(files_, witness.empty() ? WalWitness::PathFor(folder_) : witness,
                                 identity_));
  contents = reader.Finish(applied, witness_->mark());
  segments_ = reader.segments();
  last_sequence_ = reader.last_sequence();
  hard_state_ = contents.hard_state;
  base_ = last_ = contents.base;
  members_.Restart(base_.index, contents.base_members);
  NoteEntries(contents.entries);
  end_ = durable_end_ = reader.end();
  end_.offset = NextSector(end_.offset);
  segment_bytes_ = segments_.empty() ? 0 : segments_.back().bytes;
  preparer_ = std::make_unique<SegmentPreparer>(
      files_, SegmentPreparer::Options{.path = folder_ + "/" + kPreparedName,
                                       .spare = folder_ + "/" + kSpareName,
                                       .smallest_bytes = options_.first_segment_bytes,
                                       .keep_free_bytes = options_.keep_free_bytes,
                                       .inline_only = options_.prepare_inline});
  preparer_->Prepare(
      std::clamp(segment_bytes_ * 2, options_.first_segment_bytes, options_.largest_segment_bytes));
  const absl::Status resumed = Resume(reader, contents.damaged);
  // Without room the first Append has to find some.
  return absl::IsResourceExhausted(resumed) ? absl::OkStatus() : resumed;
}

// What was read may have come from the page cache of a process that was killed before its sync:
// from now on it counts as durable, so it has to be.
absl::Status Wal::Resume(const WalReader& reader, bool damaged) {
  if (segments_.empty() && !damaged) return StartSegment(0);
  if (!segments_.empty()) {
    PINTLE_ASSIGN_OR_RETURN(segment_, files_.OpenForWrite(SegmentPath(segments_.back().number)));
    base::FaultPoint("wal.before_resume_sync");
    PINTLE_RETURN_IF_ERROR(Final(segment_->Sync()));
  }
  if (!damaged && reader.clean_end()) return Mark(segments_.back().number, hard_state_.term);
  segment_.reset();
  // A new segment makes damage irrelevant. Whoever does not go on with it finds it again.
  return damaged ? absl::OkStatus() : StartSegment(0);
}

// Before anything counts that is in that segment, or of that term.
absl::Status Wal::Mark(uint64_t segment, raft::Term term) {
  const WalMark now = witness_->mark().value_or(WalMark());
  return Final(witness_->Write({segment, std::max(now.term, term)}));
}

// The error that ends this log, unless it is want of room.
absl::Status Wal::Final(const absl::Status& status) {
  if (!status.ok() && !absl::IsResourceExhausted(status)) failed_ = status;
  return status;
}

absl::Status Wal::StartSegment(size_t least_bytes) {
  // A failure of then (a full disk, say) is not one of now: tried once more, here, where it counts.
  const absl::StatusOr<size_t> made = preparer_->Take();
  size_t bytes = made.ok() ? *made : 0;
  const std::string prepared = folder_ + "/" + kPreparedName;
  if (bytes < std::max(least_bytes, 2 * kSegmentHeadBytes)) {
    bytes = std::max({least_bytes, options_.first_segment_bytes, 2 * kSegmentHeadBytes});
    PINTLE_RETURN_IF_ERROR(Final(preparer_->MakeNow(bytes)));
  }
  const uint64_t number = segments_.empty() ? 1 : segments_.back().number + 1;
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files_.OpenForWrite(prepared));
  const std::string head =
      EncodeSegmentHead({identity_, number, last_sequence_, base_, last_, hard_state_});
  const std::string_view piece = head;
  PINTLE_RETURN_IF_ERROR(Final(file->WriteAt(0, std::span(&piece, 1))));
  base::FaultPoint("wal.before_segment_sync");
  PINTLE_RETURN_IF_ERROR(Final(file->Sync()));
  // What was written to the old segment without a sync must be there before a new one is.
  if (!segments_.empty()) {
    if (segment_ == nullptr) {
      PINTLE_ASSIGN_OR_RETURN(segment_, files_.OpenForWrite(SegmentPath(segments_.back().number)));
    }
    PINTLE_RETURN_IF_ERROR(Final(segment_->Sync()));
  }
  base::FaultPoint("wal.before_segment_rename");
  PINTLE_RETURN_IF_ERROR(Final(files_.Rename(prepared, SegmentPath(number))));
  base::FaultPoint("wal.before_folder_sync");
  if (!PINTLE_CANARY("folder_not_synced"))
    PINTLE_RETURN_IF_ERROR(Final(files_.SyncFolder(folder_)));
  PINTLE_RETURN_IF_ERROR(Mark(number, hard_state_.term));
  base::FaultPoint("wal.segment_started");
  segment_ = std::move(file);
  segment_bytes_ = bytes;
  segments_.push_back({number, bytes, last_.index});
  end_ = durable_end_ = {number, NextSector(kSegmentHeadBytes)};
  preparer_->Prepare(
      std::clamp(bytes * 2, options_.first_segment_bytes, options_.largest_segment_bytes));
  return absl::OkStatus();
}

absl::Status Wal::Append(const std::optional<raft::HardState>& hard_state,
                         std::span<const raft::Entry> entries, bool sync) {
  if (FollowOn(entries)) return WriteBatch(hard_state, entries, sync);
  const std::vector<raft::Entry> last_ones = WithoutReplaced(entries);
  return WriteBatch(hard_state, last_ones, sync);
}

absl::Status Wal::WriteBatch(const std::optional<raft::HardState>& hard_state,
                             std::span<const raft::Entry> entries, bool sync) {
  PINTLE_RETURN_IF_ERROR(failed_);
  BatchHead head = NextHead(hard_state);
  if (!entries.empty()) {
    const raft::Index index = entries.front().id.index;
    PINTLE_CHECK(index > base_.index && index <= last_.index + 1,
                 "an entry for the log does not follow on");
    const raft::Index before(index.value() - 1);
    head.previous = {TermAt(before), before};
    head.last = entries.back().id;
  }
  PINTLE_RETURN_IF_ERROR(Write(head, entries, sync));
  NoteEntries(entries);
  return absl::OkStatus();
}

// The log's new base, and who belongs to the cluster there.
absl::Status Wal::WriteBase(const std::optional<raft::HardState>& hard_state, bool reset) {
  PINTLE_RETURN_IF_ERROR(failed_);
  BatchHead head = NextHead(hard_state);
  head.reset = reset;
  std::optional<std::string> members = members_.AsOf(base_.index);
  head.members = members.has_value();
  std::vector<raft::Entry> record;
  if (members) {
    record.push_back({.id = base_,
                      .kind = raft::EntryKind::kConfChange,
                      .payload = std::make_shared<const std::string>(*std::move(members))});
  }
  return Write(head, record, /*sync=*/true);
}

BatchHead Wal::NextHead(const std::optional<raft::HardState>& hard_state) const {
  BatchHead head;
  head.base = base_;
  head.previous = head.last = last_;
  head.hard_state = hard_state.value_or(hard_state_);
  return head;
}

absl::Status Wal::MakeRoom(size_t bytes) {
  PINTLE_CHECK(bytes <= kLargestBatchBytes, "a batch of the log is too large");
  if (segment_ != nullptr && segments_.back().number == end_.segment &&
      end_.offset + bytes <= segment_bytes_)
    return absl::OkStatus();
  return StartSegment(NextSector(kSegmentHeadBytes) + bytes);
}

absl::Status Wal::Write(const BatchHead& made, std::span<const raft::Entry> entries, bool sync) {
  BatchHead head = made;
  head.bytes = BatchBytes(entries, options_.sector_bytes);
  PINTLE_RETURN_IF_ERROR(MakeRoom(head.bytes));
  head.durable_end = durable_end_;
  PINTLE_RETURN_IF_ERROR(Mark(end_.segment, head.hard_state.term));
  head.sequence = ++last_sequence_;
  EncodeBatch(identity_, end_, head, entries, buffer_);
  const std::string_view piece = buffer_;
  base::FaultPoint("wal.before_write");
  const auto start = std::chrono::steady_clock::now();
  const absl::Status written = segment_->WriteAt(end_.offset, std::span(&piece, 1));
  stats_.writes.Observe(absl::FromChrono(std::chrono::steady_clock::now() - start));
  base::FaultPoint("wal.after_write");
  if (absl::IsResourceExhausted(written)) {
    segment_bytes_ = 0;  // a part of it may be there: a new segment will make that irrelevant
    return written;
  }
  PINTLE_RETURN_IF_ERROR(Final(written));
  end_.offset += buffer_.size();
  stats_.bytes_written += buffer_.size();
  if (buffer_.capacity() > kLargestBufferBytes) std::string().swap(buffer_);
  if (!entries.empty()) {
    raft::Index& largest = segments_.back().largest_index;
    largest = std::max(largest, entries.back().id.index);
  }
  if (sync) PINTLE_RETURN_IF_ERROR(SyncAndCount());
  hard_state_ = head.hard_state;
  return absl::OkStatus();
}

absl::Status Wal::SyncAndCount() {
  const auto start = std::chrono::steady_clock::now();
  base::FaultPoint("wal.before_sync");
  absl::Status synced = segment_->Sync();
  if (!synced.ok() && PINTLE_CANARY("sync_retried")) synced = segment_->Sync();
  if (!synced.ok()) {  // for want of room too: what was lost is not known
    failed_ = absl::InternalError(synced.message());
    return failed_;
  }
  base::FaultPoint("wal.after_sync");
  durable_end_ = end_;
  const auto took = std::chrono::steady_clock::now() - start;
  size_t bucket = 0;
  while (bucket + 1 < kBuckets && took > std::chrono::milliseconds(int64_t{1} << bucket)) ++bucket;
  ++stats_.syncs[bucket];
  stats_.sync_nanoseconds += static_cast<uint64_t>(std::chrono::nanoseconds(took).count());
  return absl::OkStatus();
}

raft::Term Wal::TermAt(raft::Index index) const {
  raft::Term term = base_.term;
  for (auto at = terms_.rbegin(); at != terms_.rend(); ++at) {
    if (at->index <= index) return at->term;
  }
  return term;
}

void Wal::NoteEntries(std::span<const raft::Entry> entries) {
  for (const raft::Entry& entry : entries) {
    while (!terms_.empty() && terms_.back().index >= entry.id.index) terms_.pop_back();
    if (entry.id.term != (terms_.empty() ? base_.term : terms_.back().term))
      terms_.push_back(entry.id);
    last_ = entry.id;
  }
  members_.Note(entries);
}

absl::Status Wal::TruncateBefore(raft::Index first_kept) {
  PINTLE_CHECK(first_kept <= last_.index + 1, "the log is cut behind its end");
  if (first_kept <= base_.index + 1) return failed_;
  size_t count = 0;
  while (count + 1 < segments_.size() && segments_[count].largest_index < first_kept) ++count;
  if (PINTLE_CANARY("segment_dropped_early") && segments_.size() > 1) count = segments_.size() - 1;
  if (count == 0) return failed_;
  const raft::EntryId old_base = base_;
  const raft::Index index(first_kept.value() - 1);
  base_ = {TermAt(index), index};
  if (const absl::Status said = WriteBase(std::nullopt, /*reset=*/false); !said.ok()) {
    base_ = old_base;
    return said;
  }
  while (!terms_.empty() && terms_.front().index <= base_.index) terms_.pop_front();
  members_.ForgetBefore(base_.index);
  return DropSegments(count);
}

absl::Status Wal::ResetTo(raft::EntryId base, std::string members,
                          const std::optional<raft::HardState>& hard_state) {
  PINTLE_RETURN_IF_ERROR(failed_);
  const raft::EntryId old_base = std::exchange(base_, base);
  const raft::EntryId old_last = std::exchange(last_, base);
  const std::deque<raft::EntryId> old_terms = std::exchange(terms_, {});
  const WalMembers old_members = members_;
  members_.Restart(base.index, std::move(members));
  if (const absl::Status said = WriteBase(hard_state, /*reset=*/true); !said.ok()) {
    base_ = old_base;
    last_ = old_last;
    terms_ = old_terms;
    members_ = old_members;
    return said;
  }
  segments_.back().largest_index = std::max(segments_.back().largest_index, base.index);
  return DropSegments(segments_.size() - 1);
}

// A later write has said, durably, that they are not needed. One of them is kept for reuse.
absl::Status Wal::DropSegments(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const std::string path = SegmentPath(segments_.front().number);
    base::FaultPoint("wal.before_drop");
    const absl::Status gone = segments_.front().bytes == options_.largest_segment_bytes
                                  ? files_.Rename(path, folder_ + "/" + kSpareName)
                                  : files_.Remove(path);
    if (!absl::IsNotFound(gone)) PINTLE_RETURN_IF_ERROR(Final(gone));
    segments_.pop_front();
  }
  if (count == 0) return absl::OkStatus();
  base::FaultPoint("wal.after_drop");
  return Final(files_.SyncFolder(folder_));
}

}  // namespace pintle::server::storage

#include "server/storage/segment_preparer.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/status_macros.h"

namespace pintle::server::storage {
namespace {

// Synced in parts: one large sync would make the log's own wait for all of it.
constexpr size_t kSyncBytes = size_t{4} << 20;

absl::Status WriteZeros(FileSystem& files, const std::string& path, size_t bytes,
                        const std::atomic<bool>& stopping) {
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForWrite(path));
  PINTLE_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > bytes) PINTLE_RETURN_IF_ERROR(file->Truncate(bytes));
  const std::string zeros(std::min<size_t>(bytes, size_t{1} << 20), '\0');
  for (size_t at = 0; at < bytes; at += zeros.size()) {
    const std::string_view piece = std::string_view(zeros).substr(0, bytes - at);
    PINTLE_RETURN_IF_ERROR(file->WriteAt(at, std::span(&piece, 1)));
    if (stopping) return absl::CancelledError("the log is being closed");
    if ((at + zeros.size()) % kSyncBytes == 0) PINTLE_RETURN_IF_ERROR(file->Sync());
  }
  base::FaultPoint("wal.segment_zeroed");
  return file->Sync();
}

}  // namespace

SegmentPreparer::SegmentPreparer(FileSystem& files, Options options)
    : files_(files), options_(std::move(options)) {
  if (!options_.inline_only) thread_ = std::thread([this] { Run(); });
}

SegmentPreparer::~SegmentPreparer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SegmentPreparer::Prepare(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = bytes;
    done_.reset();
    status_ = absl::OkStatus();
  }
  changed_.notify_all();
}

absl::StatusOr<size_t> SegmentPreparer::Take() {
  std::unique_lock lock(mutex_);
  if (options_.inline_only && wanted_) {
    return MakeAhead(*std::exchange(wanted_, std::nullopt));
  }
  changed_.wait(lock, [this] { return !wanted_.has_value() && !working_; });
  if (!status_.ok()) return status_;
  if (!done_) return absl::NotFoundError("no segment was asked for");
  return *std::exchange(done_, std::nullopt);
}

absl::StatusOr<size_t> SegmentPreparer::MakeAhead(size_t bytes) {
  if (options_.keep_free_bytes > 0) {
    const std::string folder = options_.path.substr(0, options_.path.rfind('/'));
    PINTLE_ASSIGN_OR_RETURN(uint64_t room, files_.FreeBytes(folder));
    for (const std::string& there : {options_.path, options_.spare}) {
      if (files_.Exists(there)) room += files_.FileSize(there).value_or(0);
    }
    while (bytes > options_.smallest_bytes && room < bytes + options_.keep_free_bytes) bytes /= 2;
    if (room < bytes + options_.keep_free_bytes) {
      return absl::ResourceExhaustedError("the disk's last room is not for segments ahead of need");
    }
  }
  PINTLE_RETURN_IF_ERROR(MakeNow(bytes));
  return bytes;
}

absl::Status SegmentPreparer::MakeNow(size_t bytes) {
  // Old content may be a whole segment, cut short: a file that is reused is new for the rest.
  if (files_.Exists(options_.path)) PINTLE_RETURN_IF_ERROR(files_.Remove(options_.path));
  if (files_.Exists(options_.spare))
    PINTLE_RETURN_IF_ERROR(files_.Rename(options_.spare, options_.path));
  absl::Status made = WriteZeros(files_, options_.path, bytes, stopping_);
  if (!made.ok() && files_.Exists(options_.path)) made.Update(files_.Remove(options_.path));
  return made;
}

void SegmentPreparer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || wanted_.has_value(); });
    if (stopping_) return;
    const size_t bytes = *std::exchange(wanted_, std::nullopt);
    working_ = true;
    lock.unlock();
    const absl::StatusOr<size_t> made = MakeAhead(bytes);
    lock.lock();
    working_ = false;
    status_ = made.status();
    if (made.ok()) done_ = *made;
    changed_.notify_all();
  }
}

}  // namespace pintle::server::storage

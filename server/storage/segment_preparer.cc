#include "server/storage/segment_preparer.h"

#include <algorithm>
#include <utility>

#include "base/fault_point.h"
#include "base/status_macros.h"

namespace pintle::server::storage {
namespace {

absl::Status WriteZeros(FileSystem& files, const std::string& path, size_t bytes) {
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForWrite(path));
  PINTLE_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size > bytes) PINTLE_RETURN_IF_ERROR(file->Truncate(bytes));
  const std::string zeros(std::min<size_t>(bytes, size_t{1} << 20), '\0');
  for (size_t at = 0; at < bytes; at += zeros.size()) {
    const std::string_view piece = std::string_view(zeros).substr(0, bytes - at);
    PINTLE_RETURN_IF_ERROR(file->WriteAt(at, std::span(&piece, 1)));
  }
  base::FaultPoint("wal.segment_zeroed");
  return file->Sync();
}

}  // namespace

SegmentPreparer::SegmentPreparer(FileSystem& files, std::string path, std::string spare,
                                 bool inline_only)
    : files_(files), path_(std::move(path)), spare_(std::move(spare)), inline_only_(inline_only) {
  if (!inline_only_) thread_ = std::thread([this] { Run(); });
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
  if (inline_only_ && wanted_) {
    const size_t bytes = *std::exchange(wanted_, std::nullopt);
    PINTLE_RETURN_IF_ERROR(MakeNow(bytes));
    return bytes;
  }
  changed_.wait(lock, [this] { return !wanted_.has_value() && !working_; });
  if (!status_.ok()) return status_;
  if (!done_) return absl::NotFoundError("no segment was asked for");
  return *std::exchange(done_, std::nullopt);
}

absl::Status SegmentPreparer::MakeNow(size_t bytes) {
  // Old content may be a whole segment, cut short: a file that is reused is new for the rest.
  if (files_.Exists(path_)) PINTLE_RETURN_IF_ERROR(files_.Remove(path_));
  if (files_.Exists(spare_)) PINTLE_RETURN_IF_ERROR(files_.Rename(spare_, path_));
  absl::Status made = WriteZeros(files_, path_, bytes);
  if (!made.ok() && files_.Exists(path_)) made.Update(files_.Remove(path_));
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
    const absl::Status status = MakeNow(bytes);
    lock.lock();
    working_ = false;
    status_ = status;
    if (status.ok()) done_ = bytes;
    changed_.notify_all();
  }
}

}  // namespace pintle::server::storage

#include "server/storage/segment_preparer.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace pintle::server::storage {

SegmentPreparer::SegmentPreparer(FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)), thread_([this] { Run(); }) {}

SegmentPreparer::~SegmentPreparer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void SegmentPreparer::Prepare(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = bytes;
    done_.reset();
  }
  changed_.notify_all();
}

absl::StatusOr<size_t> SegmentPreparer::Take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_.has_value() || !status_.ok(); });
  if (!status_.ok()) return status_;
  return *std::exchange(done_, std::nullopt);
}

void SegmentPreparer::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || wanted_.has_value(); });
    if (stopping_) return;
    const size_t bytes = *std::exchange(wanted_, std::nullopt);
    lock.unlock();
    const absl::Status status = WriteZeros(files_, path_, bytes);
    lock.lock();
    status_ = status;
    done_ = bytes;
    changed_.notify_all();
  }
}

absl::Status WriteZeros(FileSystem& files, const std::string& path, size_t bytes) {
  if (files.Exists(path)) PINTLE_RETURN_IF_ERROR(files.Remove(path));
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files.OpenForWrite(path));
  const std::string zeros(std::min<size_t>(bytes, size_t{1} << 20), '\0');
  for (size_t at = 0; at < bytes; at += zeros.size()) {
    const std::string_view piece = std::string_view(zeros).substr(0, bytes - at);
    PINTLE_RETURN_IF_ERROR(file->WriteAt(at, std::span(&piece, 1)));
  }
  return file->Sync();
}

}  // namespace pintle::server::storage

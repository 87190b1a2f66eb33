// SegmentPreparer: makes the next segment's file, full of zeros and synced, while the log writes
// the current one.
//
// Thread: one of its own; Prepare and Take from the log's thread. At most one file is prepared
// ahead.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {

class SegmentPreparer {
 public:
  SegmentPreparer(FileSystem& files, std::string path);
  ~SegmentPreparer();

  // Starts making a file of that size under the temporary path; returns at once.
  void Prepare(size_t bytes);
  // Waits for the file that was asked for; its size.
  absl::StatusOr<size_t> Take();

 private:
  void Run();

  FileSystem& files_;
  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<size_t> wanted_;
  std::optional<size_t> done_;
  absl::Status status_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything above
};

// Writes `bytes` zeros to a new file at `path` and syncs it.
absl::Status WriteZeros(FileSystem& files, const std::string& path, size_t bytes);

}  // namespace pintle::server::storage

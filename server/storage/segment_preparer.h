// SegmentPreparer: makes the next segment's file, full of zeros and synced, while the log writes
// the current one.
//
// Thread: one of its own, or none (`inline_only`: then Take makes the file); Prepare and Take from
// the log's thread. At most one file is prepared ahead. A segment that the log dropped and left
// under the spare name is overwritten instead of making a new file. What is made ahead never takes
// the last room of a disk, from which others have to live, too: then it is smaller, or not made. A
// failure leaves no file behind.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/file_system.h"

namespace pintle::server::storage {

class SegmentPreparer {
 public:
  struct Options {
    std::string path;   // of the file that is made
    std::string spare;  // of one that may be overwritten instead
    size_t smallest_bytes = 0;
    uint64_t keep_free_bytes = 0;  // 0: what the disk has
    bool inline_only = false;
  };
  SegmentPreparer(FileSystem& files, Options options);
  ~SegmentPreparer();

  // Starts making a file of that size, or a smaller one, under the path; returns at once.
  void Prepare(size_t bytes);
  // Waits for the file that was asked for; its size. NOT_FOUND when none was asked for.
  absl::StatusOr<size_t> Take();
  // Makes one at once; nothing may be under way.
  absl::Status MakeNow(size_t bytes);

 private:
  void Run();
  absl::StatusOr<size_t> MakeAhead(size_t bytes);

  FileSystem& files_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<size_t> wanted_;
  bool working_ = false;
  std::optional<size_t> done_;
  absl::Status status_;  // of the last one
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses everything above
};

}  // namespace pintle::server::storage

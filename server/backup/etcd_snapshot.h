// EtcdSnapshot: a snapshot file of etcd's or of ours, open for reading: an etcd database, and
// behind it the SHA-256 of all of it, unless the file was copied out of a data-dir.
//
// Owner and thread: one at a time. Errors are one line and say what to do: NOT_FOUND and what else
// the disk says; DATA_LOSS: not such a file, or damaged; FAILED_PRECONDITION: no hash to check it
// by. Memory: bolt_reader.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/backup/bolt_reader.h"
#include "server/backup/progress.h"
#include "server/storage/file_system.h"

namespace pintle::server::backup {

enum class HashCheck {
  kRequired,   // a file without a hash is refused
  kIfPresent,  // for a look
  kSkipped,
};

class EtcdSnapshot {
 public:
  static absl::StatusOr<std::unique_ptr<EtcdSnapshot>> Open(storage::FileSystem& files,
                                                            const std::string& path,
                                                            HashCheck check,
                                                            const Progress& progress);

  const BoltReader& database() const { return *database_; }
  bool has_hash() const { return has_hash_; }
  uint64_t database_bytes() const { return database_->meta().pages * database_->page_bytes(); }

 private:
  explicit EtcdSnapshot(std::unique_ptr<storage::File> file) : file_(std::move(file)) {}

  const std::unique_ptr<storage::File> file_;
  std::unique_ptr<BoltReader> database_;
  bool has_hash_ = false;
};

// What `etcdctl snapshot status` says of it.
struct SnapshotStatus {
  uint32_t hash = 0;  // CRC-32C over the names of all buckets, and all they hold
  int64_t revision = 0;
  int64_t total_keys = 0;  // of all buckets
  uint64_t total_bytes = 0;
};
absl::StatusOr<SnapshotStatus> StatusOf(const EtcdSnapshot& snapshot, const Progress& progress);

}  // namespace pintle::server::backup

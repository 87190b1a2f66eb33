// LeveldbBackend: kv::Backend on LevelDB, without LevelDB's log (leveldb_env.h says how, DESIGN 5.5
// why).
//
// Threads: as kv/backend.h says. LevelDB has one thread of its own, which flushes and compacts.
// Apply may sleep (1 ms) or wait when that thread cannot keep up. Files: everything LevelDB makes,
// in one directory that it locks.
//
// Errors, of Open, Apply and Flush:
//   DATA_LOSS           files are damaged or missing; the directory is left as it is
//   RESOURCE_EXHAUSTED  no room, also when it was a flush in the background that found none
//   UNAVAILABLE         somebody else has the directory (Open)
//   INTERNAL            any other failure of the disk
// After a failed Apply or Flush nothing more is written, everything up to durable_sequence() is
// safe, and the directory is free: it may be opened again at once, which finds the last flush,
// while readers go on with this one (what they read may be removed by the new one: DATA_LOSS). A
// failed sync ends the process (fatal.h).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/types.h"
#include "server/storage/file_system.h"

namespace leveldb {
class Cache;
class DB;
}  // namespace leveldb

namespace pintle::server::storage {

class LeveldbEnv;

struct LeveldbOptions {
  std::string directory;
  // Outlives the backend; nullptr: this machine's.
  FileSystem* files = nullptr;
  // A crash loses at most two of these (the log replays them); both count as memory.
  size_t write_buffer_bytes = size_t{4} << 20;
  size_t block_cache_bytes = size_t{4} << 20;
  // Off: what a crash leaves behind (tests).
  bool flush_on_close = true;
  // Simulation: every call returns only when LevelDB's thread has nothing left to do, and nothing
  // sleeps, so that the same calls make the same files.
  bool wait_for_background = false;
};

class LeveldbBackend : public kv::Backend {
 public:
  static absl::StatusOr<std::unique_ptr<LeveldbBackend>> Open(const LeveldbOptions& options);
  ~LeveldbBackend() override;

  absl::Status Apply(const kv::BackendBatch& batch) override;
  absl::StatusOr<std::string> Get(std::string_view key) const override;
  kv::Sequence durable_sequence() const override;
  std::unique_ptr<const kv::BackendReader> NewSnapshot() const override;
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override;

  // Makes everything applied so far durable; waits for the disk. Apply thread.
  absl::Status Flush() override;

 private:
  explicit LeveldbBackend(const LeveldbOptions& options);
  absl::Status Start();
  absl::Status CheckNothingIsLost() const;
  absl::Status Failed(const absl::Status& status);

  const LeveldbOptions options_;
  const std::unique_ptr<FileSystem> own_files_;
  FileSystem& files_;
  const std::unique_ptr<LeveldbEnv> env_;
  const std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;  // last: uses the others until it is closed
  absl::Status failure_;             // of the first call that failed: none may succeed after it
};

}  // namespace pintle::server::storage

// LeveldbBackend: kv::Backend on LevelDB, without LevelDB's log (leveldb_env.h says how, DESIGN 5.5
// why).
//
// Threads: as kv/backend.h says. LevelDB has one thread of its own, which flushes and compacts.
// Apply may sleep (1 ms) or wait when that thread cannot keep up. Files: everything LevelDB makes,
// in one directory that it locks. Errors: Open fails with UNAVAILABLE when another process has the
// directory, DATA_LOSS when files are damaged. After a failed Apply nothing may be applied any
// more; a failed sync ends the process.
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

namespace leveldb {
class Cache;
class DB;
}  // namespace leveldb

namespace pintle::server::storage {

class LeveldbEnv;

struct LeveldbOptions {
  std::string directory;
  // A crash loses at most two of these (the log replays them); both count as memory.
  size_t write_buffer_bytes = size_t{4} << 20;
  size_t block_cache_bytes = size_t{4} << 20;
  // Off: what a crash leaves behind (tests).
  bool flush_on_close = true;
};

class LeveldbBackend : public kv::Backend {
 public:
  static absl::StatusOr<std::unique_ptr<LeveldbBackend>> Open(const LeveldbOptions& options);
  ~LeveldbBackend() override;

  absl::Status Apply(const kv::BackendBatch& batch) override;
  absl::StatusOr<std::string> Get(std::string_view key) const override;
  kv::Sequence durable_sequence() const override;
  absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override;

  // Makes everything applied so far durable; waits for the disk. Apply thread.
  absl::Status Flush();

 private:
  LeveldbBackend(const LeveldbOptions& options, std::unique_ptr<LeveldbEnv> env);
  absl::Status Start();

  const LeveldbOptions options_;
  const std::unique_ptr<LeveldbEnv> env_;
  const std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;  // last: uses the others until it is closed
  bool failed_ = false;
};

}  // namespace pintle::server::storage

// DataDir: the folder of one member, claimed by this process for as long as the object lives.
//
//   <data-dir>/member/lock      held for as long as the object lives
//   <data-dir>/member/identity  which format, cluster and member; written once
//   <data-dir>/member/log/      the write-ahead log (wal.h)
//   <data-dir>/member/store/    LevelDB (leveldb_backend.h)
//
// Claim refuses, with one line that says what to do, and touches nothing: a data-dir of etcd's, a
// folder with foreign files, one that another process holds, and one of another member or cluster.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/storage/file_system.h"
#include "server/storage/wal_format.h"

namespace pintle::server::storage {

class DataDir {
 public:
  static absl::StatusOr<std::unique_ptr<DataDir>> Claim(FileSystem& files, const std::string& path,
                                                        const WalIdentity& identity);
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  std::string log_folder() const { return member_ + "/log"; }
  std::string store_folder() const { return member_ + "/store"; }

 private:
  DataDir(std::string member, std::unique_ptr<FileLock> lock)
      : member_(std::move(member)), lock_(std::move(lock)) {}

  const std::string member_;
  const std::unique_ptr<FileLock> lock_;
};

}  // namespace pintle::server::storage

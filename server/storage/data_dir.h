// DataDir: the folder of one member, claimed by this process for as long as the object lives.
//
//   <data-dir>/member/lock            held with FileSystem::Lock
//   <data-dir>/member/identity        which format, cluster and member, and the data-dir's own id
//   <data-dir>/member/identity.copy   the same; either of them is enough
//   <data-dir>/member/log/            the write-ahead log (wal.h), if it lies here (log_place.h)
//   <data-dir>/member/log.witness     how far the log had got at least (wal_witness.h)
//   <data-dir>/member/store           names the store that counts
//   <data-dir>/member/store-<n>/      LevelDB (leveldb_backend.h)
//
// Layout in bytes: docs/formats/data-dir.md. A new store is built beside the old one in a folder of
// its own; one rename makes it count (UseStore), so that a crash leaves the old one or the new one.
//
// Claim refuses, with one line that says what to do, and touches nothing: a folder with foreign
// files, one that another process holds, one of another member or cluster, and a --wal-dir that is
// not where its log lies (FAILED_PRECONDITION); how to import one of etcd's is told before
// (server/membership.cc).
// DATA_LOSS: both copies of the identity are damaged, or the log and its witness are gone. Threads:
// any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/file_system.h"
#include "server/storage/log_place.h"
#include "server/storage/wal_format.h"

namespace pintle::server::storage {

// Drawn at random when the data-dir is made: who lost its data and comes back with an empty folder
// under the same name is told from who did not.
struct DataDirId {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const DataDirId&, const DataDirId&) = default;
};

class DataDir {
 public:
  // `identity` without its data_dir. `fresh` becomes the id if the data-dir is new. `wal_dir`:
  // where the log lies; empty: in the data-dir.
  static absl::StatusOr<std::unique_ptr<DataDir>> Claim(FileSystem& files, const std::string& path,
                                                        const WalIdentity& identity,
                                                        DataDirId fresh,
                                                        const std::string& wal_dir = "");
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  DataDirId id() const { return id_; }
  // For the log: with data_dir.
  WalIdentity identity() const { return identity_; }
  bool created() const { return created_; }

  const std::string& log_folder() const { return log_.folder(); }
  std::string witness_path() const { return log_.witness(); }
  // The store that counts; the folder need not be there yet.
  std::string store_folder() const;

  // The rest from any thread. An empty folder for a new store, beside the one that counts. One at
  // a time: what was begun before and never used is removed.
  absl::StatusOr<std::string> NewStoreFolder();
  // The new store, complete and synced, counts from now on.
  absl::Status UseNewStore();
  // The new store will not be used.
  absl::Status DropNewStore();
  // What the files of all stores take, of those that do not count, too.
  uint64_t StoreBytes() const;
  // Those that counted earlier, when nobody reads them any more. Claim leaves only the one that
  // counts.
  absl::Status RemoveOldStores();

 private:
  DataDir(FileSystem& files, std::string member, const std::string& wal_dir)
      : files_(files), member_(std::move(member)), log_(files, member_, wal_dir) {}

  std::string StoreFolder(uint64_t number) const;
  absl::Status LoadIdentity(const WalIdentity& wanted, DataDirId fresh);
  absl::Status CheckLog();
  absl::Status LoadPointer();
  absl::Status RemoveStores(bool newer);

  FileSystem& files_;
  const std::string member_;
  LogPlace log_;
  std::unique_ptr<FileLock> lock_;
  WalIdentity identity_;
  DataDirId id_;
  bool created_ = false;
  mutable std::mutex mutex_;
  uint64_t store_ = 1;
};

// What the identity file says; for `pintle inspect`. DATA_LOSS when it is not what was written.
struct DataDirIdentity {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  DataDirId id;
};
absl::StatusOr<DataDirIdentity> ParseIdentity(const std::string& text);
// The number in the pointer file; DATA_LOSS when it is not what was written.
absl::StatusOr<uint64_t> ParsePointer(const std::string& text);

}  // namespace pintle::server::storage

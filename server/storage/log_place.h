// LogPlace: where a data-dir's log lies: in the data-dir, or in a folder of its own (--wal-dir), on
// another disk say.
//
//   <data-dir>/member/log         the log, without --wal-dir
//   <data-dir>/member/log.place   names the other folder; absent: there is none
//   <wal-dir>/lock                held while the process lives
//   <wal-dir>/<number>.wal        the log (wal.h)
//
// A member that were started with another --wal-dir than it had, or without it, or while its disk
// is not mounted, would begin an empty log and forget its votes. So the data-dir notes the folder,
// and another one is taken only when it holds this very log and the old one does not: somebody has
// moved the files. Layout: docs/formats/data-dir.md.
//
// Owner: DataDir; one thread. Paths are made absolute. Errors: FAILED_PRECONDITION, one line that
// names the flag and says what to do, before anything is touched; and those of the disk.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/storage/file_system.h"
#include "server/storage/wal_format.h"
#include "server/storage/wal_witness.h"

namespace pintle::server::storage {

class LogPlace {
 public:
  // `member`: <data-dir>/member. `wal_dir` empty: the log lies in there.
  LogPlace(FileSystem& files, const std::string& member, const std::string& wal_dir);

  const std::string& folder() const { return folder_; }
  // Always in the data-dir: it must not go with the log.
  std::string witness() const { return WalWitness::PathFor(home_); }
  // That entry of the data-dir is the wal-dir, or leads to it.
  bool IsWithin(const std::string& entry) const;

  // Of a data-dir without a log: the folder is to hold nothing.
  absl::Status Begin();
  // Of a data-dir that has one. `mark`: what its witness says.
  absl::Status Check(const WalIdentity& identity, const std::optional<WalMark>& mark);
  bool HasSegments() const { return HasSegments(folder_); }

 private:
  bool elsewhere() const { return folder_ != home_; }
  bool HasSegments(const std::string& folder) const;
  bool HoldsLogOf(const WalIdentity& identity) const;
  absl::Status CheckMoved(const WalIdentity& identity, const absl::StatusOr<std::string>& noted);
  absl::Status Take();

  FileSystem& files_;
  const std::string home_;  // in the data-dir
  const std::string note_;
  std::string folder_;
  std::unique_ptr<FileLock> lock_;
};

// By what the data-dir itself says. DATA_LOSS: its note is damaged.
absl::StatusOr<std::string> LogFolderOf(FileSystem& files, const std::string& data_dir);
// Without "." and ".." and a slash at its end.
std::string AbsolutePath(const std::string& path);
// The folder that it is in; "." of a bare name.
std::string ParentOf(std::string path);
// With everything above it, so that a power failure leaves it; existing is fine.
absl::Status MakeFolders(FileSystem& files, const std::string& path);

}  // namespace pintle::server::storage

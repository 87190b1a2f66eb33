// FileSystem: the only door to a disk, for the log, the data-dir, snapshots and LevelDB alike.
// Production has one implementation (MakePosixFileSystem); tests and the simulator replace it with
// disks that forget, tear, lie and fill up.
//
// Threads: FileSystem and FileLock from any. A File belongs to one thread at a time, except that
// ReadAt may be called from several at once while nobody writes (LevelDB's tables).
// Limits: paths are made of '/' and names; relative ones are relative to the process's folder.
//
// Errors, the same for every call (the text has the path and the system's words):
//   NOT_FOUND            there is no such file or folder
//   RESOURCE_EXHAUSTED   no room: ENOSPC, EDQUOT
//   FAILED_PRECONDITION  a lock that somebody else holds; a file where a folder should be
//   PERMISSION_DENIED    no right to it: EACCES, EPERM, EROFS
//   INTERNAL             everything else, EIO for one
// What to do about them is the caller's matter. A Sync that failed is never tried again: the
// system may have dropped the pages, and would answer OK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pintle::server::storage {

// Destruction closes. It writes nothing and reports nothing: who wants durability calls Sync.
class File {
 public:
  virtual ~File() = default;
  // Writes the pieces behind each other, beginning at `offset`; a hole before it reads as zeros.
  // All, or an error after an unknown part. FAILED_PRECONDITION on a file opened for reading.
  virtual absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) = 0;
  // Reads up to `size` bytes into `out`, and says how many: fewer only at the end of the file.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, size_t size, char* out) const = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
  // Cuts, or makes longer with zeros. FAILED_PRECONDITION on a file opened for reading.
  virtual absl::Status Truncate(uint64_t size) = 0;
  // The file's bytes and size are on the disk when this returns OK. Its name is not: SyncFolder.
  virtual absl::Status Sync() = 0;
};

// Held until it is destroyed, or the process ends in whatever way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // For writing and reading; made empty when absent, left as it is when not.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) = 0;
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  virtual absl::StatusOr<std::string> ReadWhole(const std::string& path) = 0;
  virtual absl::StatusOr<uint64_t> FileSize(const std::string& path) = 0;
  // A file or a folder.
  virtual bool Exists(const std::string& path) = 0;
  // Replaces `to` when there is one, at once for every observer. Files only (this machine's disks
  // rename folders, too, when `to` is absent or empty); an open File follows its file. Durable
  // after SyncFolder of the folder (of both, when they differ).
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A file. Who has it open can go on using it.
  virtual absl::Status Remove(const std::string& path) = 0;

  // Names of files and folders in it, without "." and "..", sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  // Mode 0700; existing is fine. The folder above has to be there.
  virtual absl::Status MakeFolder(const std::string& path) = 0;
  // The names in this folder (not in those below it) are on the disk when this returns OK.
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  // With everything in it; absent is fine. Not atomic: a crash leaves a part.
  virtual absl::Status RemoveFolder(const std::string& path) = 0;

  // Makes the file when absent. FAILED_PRECONDITION when it is locked already, by another process
  // or by this one.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  // What an ordinary user may still write to the disk that holds `path`.
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& path) = 0;
};

// kNever is for tests and throw-away clusters (--unsafe-no-fsync): Sync and SyncFolder do nothing,
// and a power failure takes what the system had not written yet.
enum class Syncs : bool { kNever, kAsAsked };
std::unique_ptr<FileSystem> MakePosixFileSystem(Syncs syncs = Syncs::kAsAsked);

}  // namespace pintle::server::storage

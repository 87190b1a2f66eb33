// FileSystem: the door through which the log and the data-dir reach a disk. Production has one
// implementation (PosixFileSystem); tests and the simulator replace it with disks that forget, tear
// and fill up.
//
// Threads: each File belongs to one thread at a time; FileSystem itself may be called from any.
// Errors: absl::Status with the path and the system's words. What to do about a failed write or
// sync is the caller's matter (the log ends the process).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pintle::server::storage {

class File {
 public:
  virtual ~File() = default;
  // Writes the pieces behind each other, beginning at `offset`. All or an error.
  virtual absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) = 0;
  // Data (and what is needed to find it) is on the disk when this returns OK.
  virtual absl::Status Sync() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Opens for writing; made when absent.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) = 0;
  virtual absl::StatusOr<std::string> ReadWhole(const std::string& path) = 0;
  // Names without "." and "..", sorted. NOT_FOUND when there is no such folder.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Mode 0700; existing is fine.
  virtual absl::Status MakeFolder(const std::string& path) = 0;
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
};

std::unique_ptr<FileSystem> MakePosixFileSystem();

}  // namespace pintle::server::storage

// OverlayFileSystem: a disk that can be read and seemingly written, while nothing of it changes.
//
// What is written, renamed or removed stays in memory; everything else is read from the disk below.
// So LevelDB, which cannot open a store without writing, can look at one that a member is using, or
// that is evidence. Locks are not taken. Threads: any. Memory: what is written, which for a store
// is about its MANIFEST.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/storage/file_system.h"

namespace pintle::server::inspect {

class OverlayFileSystem final : public storage::FileSystem {
 public:
  // `below` outlives this.
  explicit OverlayFileSystem(storage::FileSystem& below) : below_(below) {}

  absl::StatusOr<std::unique_ptr<storage::File>> OpenForWrite(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<storage::File>> OpenForRead(const std::string& path) override;
  absl::StatusOr<std::string> ReadWhole(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status MakeFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::Status RemoveFolder(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<storage::FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;

 private:
  struct Content {
    std::mutex mutex;
    std::string bytes;
  };
  class MemoryFile;

  std::shared_ptr<Content> Written(const std::string& path);
  bool IsRemoved(const std::string& path);

  storage::FileSystem& below_;
  std::mutex mutex_;  // held for a few words; never while the disk below is read
  std::map<std::string, std::shared_ptr<Content>> written_;
  std::set<std::string> removed_;
  std::set<std::string> folders_;
};

}  // namespace pintle::server::inspect

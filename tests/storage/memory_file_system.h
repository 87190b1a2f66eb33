// MemoryFileSystem: a disk in memory that loses on command what was not synced.
//
// Any thread (the log's preparer and LevelDB have their own). Crash() puts every file back to its
// last synced bytes and every folder back to its last synced names; whoever held a File must be
// gone, and locks are free. Faults: SetRoom (bytes that may still be written), FailWrites and
// FailSyncs (INTERNAL, from the n-th call on), and counts of calls.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/file_system.h"

namespace pintle::server::storage {

class MemoryFileSystem final : public FileSystem {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
    auto& content = names_[path];
    if (content == nullptr) content = std::make_shared<Content>();
    return std::make_unique<OpenFile>(*this, content, path, /*writable=*/true);
  }

  absl::StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return absl::NotFoundError(path);
    return std::make_unique<OpenFile>(*this, found->second, path, /*writable=*/false);
  }

  absl::StatusOr<std::string> ReadWhole(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return absl::NotFoundError(path);
    return found->second->now;
  }

  absl::StatusOr<uint64_t> FileSize(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return absl::NotFoundError(path);
    return found->second->now.size();
  }

  bool Exists(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return names_.contains(path) || folders_.contains(path);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    auto node = names_.extract(from);
    if (node.empty()) return absl::NotFoundError(from);
    names_[to] = node.mapped();
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return names_.erase(path) == 1 ? absl::OkStatus() : absl::NotFoundError(path);
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    if (!folders_.contains(folder)) return absl::NotFoundError(folder);
    std::set<std::string> names;
    for (const auto& [path, content] : names_) {
      if (Parent(path) == folder) names.insert(path.substr(folder.size() + 1));
    }
    for (const auto& path : folders_) {
      if (Parent(path) == folder && path.size() > folder.size() + 1)
        names.insert(path.substr(folder.size() + 1));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }

  // Folders survive a crash from the start; files in them only as SyncFolder says.
  absl::Status MakeFolder(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (names_.contains(path)) return absl::FailedPreconditionError(path + " is not a folder");
    if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
    folders_.insert(path);
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    const std::string path = folder == "/" ? "" : folder;
    if (!folders_.contains(path)) return absl::NotFoundError(path);
    std::erase_if(synced_names_, [&](const auto& item) { return Parent(item.first) == path; });
    for (const auto& item : names_) {
      if (Parent(item.first) == path) synced_names_.insert(item);
    }
    return absl::OkStatus();
  }

  absl::Status RemoveFolder(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto inside = [&](const std::string& name) {
      return name == path || name.starts_with(path + "/");
    };
    std::erase_if(names_, [&](const auto& item) { return inside(item.first); });
    std::erase_if(synced_names_, [&](const auto& item) { return inside(item.first); });
    std::erase_if(folders_, inside);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
    auto& content = names_[path];
    if (content == nullptr) content = std::make_shared<Content>();
    auto held = std::make_unique<HeldLock>();
    if (auto& holder = locks_[path]; !holder.expired()) {
      return absl::FailedPreconditionError(path + " is held by this process");
    } else {
      holder = held->alive;
    }
    return held;
  }

  absl::StatusOr<uint64_t> FreeBytes(const std::string&) override {
    const std::lock_guard lock(mutex_);
    return room_;
  }

  void Crash() {
    const std::lock_guard lock(mutex_);
    names_ = synced_names_;
    for (auto& [path, content] : names_) {
      content = std::make_shared<Content>(Content{content->synced, content->synced});
    }
    synced_names_ = names_;
    locks_.clear();
  }

  // Puts bytes there, synced: what a disk or an operator may do behind our back.
  void Plant(const std::string& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    names_[path] = std::make_shared<Content>(Content{bytes, bytes});
    synced_names_[path] = names_[path];
    for (std::string folder = Parent(path); !folder.empty(); folder = Parent(folder))
      folders_.insert(folder);
  }

  // Files may still grow by this much together; removing and cutting give nothing back.
  void SetRoom(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    room_ = bytes;
  }
  // The first `after` calls from now on succeed, the others do not. kNever: all succeed.
  void FailWrites(uint64_t after) {
    const std::lock_guard lock(mutex_);
    writes_left_ = after;
  }
  void FailSyncs(uint64_t after) {
    const std::lock_guard lock(mutex_);
    syncs_left_ = after;
  }
  uint64_t writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }
  uint64_t syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

 private:
  struct Content {
    std::string now;
    std::string synced;
  };

  struct HeldLock final : FileLock {
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  };

  class OpenFile final : public File {
   public:
    OpenFile(MemoryFileSystem& disk, std::shared_ptr<Content> content, std::string path,
             bool writable)
        : disk_(disk), content_(std::move(content)), path_(std::move(path)), writable_(writable) {}

    absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
      const std::lock_guard lock(disk_.mutex_);
      if (!writable_) return absl::FailedPreconditionError(path_ + " was opened for reading");
      ++disk_.writes_;
      if (!Count(disk_.writes_left_)) return absl::InternalError("write " + path_);
      for (const auto piece : pieces) {
        if (!Grow(offset + piece.size())) return absl::ResourceExhaustedError("write " + path_);
        std::copy(piece.begin(), piece.end(),
                  content_->now.begin() + static_cast<ptrdiff_t>(offset));
        offset += piece.size();
      }
      return absl::OkStatus();
    }

    absl::StatusOr<size_t> ReadAt(uint64_t offset, size_t size, char* out) const override {
      const std::lock_guard lock(disk_.mutex_);
      const std::string& now = content_->now;
      if (offset >= now.size()) return size_t{0};
      const size_t got = std::min<size_t>(size, now.size() - offset);
      std::memcpy(out, now.data() + offset, got);
      return got;
    }

    absl::StatusOr<uint64_t> Size() const override {
      const std::lock_guard lock(disk_.mutex_);
      return content_->now.size();
    }

    absl::Status Truncate(uint64_t size) override {
      const std::lock_guard lock(disk_.mutex_);
      if (!writable_) return absl::FailedPreconditionError(path_ + " was opened for reading");
      content_->now.resize(size, '\0');
      return absl::OkStatus();
    }

    absl::Status Sync() override {
      const std::lock_guard lock(disk_.mutex_);
      ++disk_.syncs_;
      if (!Count(disk_.syncs_left_)) return absl::InternalError("fdatasync " + path_);
      content_->synced = content_->now;
      return absl::OkStatus();
    }

   private:
    static bool Count(uint64_t& left) {
      if (left == kNever) return true;
      if (left == 0) return false;
      --left;
      return true;
    }
    bool Grow(uint64_t size) {
      const uint64_t now = content_->now.size();
      if (size <= now) return true;
      if (disk_.room_ != kNever) {
        if (size - now > disk_.room_) return false;
        disk_.room_ -= size - now;
      }
      content_->now.resize(size, '\0');
      return true;
    }

    MemoryFileSystem& disk_;
    const std::shared_ptr<Content> content_;
    const std::string path_;
    const bool writable_;
  };

  static std::string Parent(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> names_;
  std::map<std::string, std::shared_ptr<Content>> synced_names_;
  std::set<std::string> folders_{""};  // the root
  std::map<std::string, std::weak_ptr<bool>> locks_;
  uint64_t room_ = kNever;
  uint64_t writes_left_ = kNever;
  uint64_t syncs_left_ = kNever;
  uint64_t writes_ = 0;
  uint64_t syncs_ = 0;
};

}  // namespace pintle::server::storage

// MemoryFileSystem: a disk in memory that loses on command what was not synced.
//
// Any thread (the log's preparer has one of its own). Crash() puts every file back to its last
// synced bytes and every folder back to its last synced names; whoever held a File must be gone.
#pragma once

#include <algorithm>
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
  absl::StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    auto& content = names_[path];
    if (content == nullptr) content = std::make_shared<Content>();
    return std::make_unique<OpenFile>(mutex_, content);
  }

  absl::StatusOr<std::string> ReadWhole(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return absl::NotFoundError(path);
    return found->second->now;
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    const std::lock_guard lock(mutex_);
    if (!folders_.contains(folder)) return absl::NotFoundError(folder);
    std::vector<std::string> names;
    for (const auto& [path, content] : names_) {
      if (Parent(path) == folder) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }

  bool Exists(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return names_.contains(path) || folders_.contains(path);
  }

  absl::Status MakeFolder(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    folders_.insert(path);
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(synced_names_, [&](const auto& item) { return Parent(item.first) == path; });
    for (const auto& item : names_) {
      if (Parent(item.first) == path) synced_names_.insert(item);
    }
    return absl::OkStatus();
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

  void Crash() {
    const std::lock_guard lock(mutex_);
    names_ = synced_names_;
    for (auto& [path, content] : names_) {
      content = std::make_shared<Content>(Content{content->synced, content->synced});
    }
    synced_names_ = names_;
  }

  // Puts bytes there, synced: what a disk or an operator may do behind our back.
  void Plant(const std::string& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    names_[path] = std::make_shared<Content>(Content{bytes, bytes});
    synced_names_[path] = names_[path];
  }

 private:
  struct Content {
    std::string now;
    std::string synced;
  };

  class OpenFile final : public File {
   public:
    OpenFile(std::mutex& mutex, std::shared_ptr<Content> content)
        : mutex_(mutex), content_(std::move(content)) {}

    absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
      const std::lock_guard lock(mutex_);
      for (const auto piece : pieces) {
        auto& now = content_->now;
        now.resize(std::max<size_t>(now.size(), offset + piece.size()), '\0');
        std::copy(piece.begin(), piece.end(), now.begin() + static_cast<ptrdiff_t>(offset));
        offset += piece.size();
      }
      return absl::OkStatus();
    }
    absl::Status Sync() override {
      const std::lock_guard lock(mutex_);
      content_->synced = content_->now;
      return absl::OkStatus();
    }

   private:
    std::mutex& mutex_;
    const std::shared_ptr<Content> content_;
  };

  static std::string Parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Content>> names_;
  std::map<std::string, std::shared_ptr<Content>> synced_names_;
  std::set<std::string> folders_;
};

}  // namespace pintle::server::storage

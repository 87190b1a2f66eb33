#include "server/inspect/overlay_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status_macros.h"

namespace pintle::server::inspect {

using storage::File;
using storage::FileLock;

class OverlayFileSystem::MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<Content> content) : content_(std::move(content)) {}

  absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
    const std::lock_guard lock(content_->mutex);
    for (const auto piece : pieces) {
      std::string& bytes = content_->bytes;
      bytes.resize(std::max<size_t>(bytes.size(), offset + piece.size()), '\0');
      bytes.replace(offset, piece.size(), piece);
      offset += piece.size();
    }
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, size_t size, char* out) const override {
    const std::lock_guard lock(content_->mutex);
    if (offset >= content_->bytes.size()) return size_t{0};
    const size_t got = std::min<size_t>(size, content_->bytes.size() - offset);
    std::memcpy(out, content_->bytes.data() + offset, got);
    return got;
  }
  absl::StatusOr<uint64_t> Size() const override {
    const std::lock_guard lock(content_->mutex);
    return content_->bytes.size();
  }
  absl::Status Truncate(uint64_t size) override {
    const std::lock_guard lock(content_->mutex);
    content_->bytes.resize(size, '\0');
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  const std::shared_ptr<Content> content_;
};

std::shared_ptr<OverlayFileSystem::Content> OverlayFileSystem::Written(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(path);
  return found == written_.end() ? nullptr : found->second;
}

bool OverlayFileSystem::IsRemoved(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return removed_.contains(path);
}

absl::StatusOr<std::unique_ptr<File>> OverlayFileSystem::OpenForWrite(const std::string& path) {
  std::shared_ptr<Content> content = Written(path);
  if (content == nullptr) {
    content = std::make_shared<Content>();
    if (!IsRemoved(path) && below_.Exists(path)) {
      PINTLE_ASSIGN_OR_RETURN(content->bytes, below_.ReadWhole(path));
    }
    const std::lock_guard lock(mutex_);
    content = written_.emplace(path, content).first->second;
    removed_.erase(path);
  }
  return std::make_unique<MemoryFile>(std::move(content));
}

absl::StatusOr<std::unique_ptr<File>> OverlayFileSystem::OpenForRead(const std::string& path) {
  if (auto content = Written(path)) return std::make_unique<MemoryFile>(std::move(content));
  if (IsRemoved(path)) return absl::NotFoundError(path);
  return below_.OpenForRead(path);
}

absl::StatusOr<std::string> OverlayFileSystem::ReadWhole(const std::string& path) {
  if (const auto content = Written(path)) {
    const std::lock_guard lock(content->mutex);
    return content->bytes;
  }
  if (IsRemoved(path)) return absl::NotFoundError(path);
  return below_.ReadWhole(path);
}

absl::StatusOr<uint64_t> OverlayFileSystem::FileSize(const std::string& path) {
  if (const auto content = Written(path)) {
    const std::lock_guard lock(content->mutex);
    return content->bytes.size();
  }
  if (IsRemoved(path)) return absl::NotFoundError(path);
  return below_.FileSize(path);
}

bool OverlayFileSystem::Exists(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    if (written_.contains(path) || folders_.contains(path)) return true;
    if (removed_.contains(path)) return false;
  }
  return below_.Exists(path);
}

absl::Status OverlayFileSystem::Rename(const std::string& from, const std::string& to) {
  PINTLE_RETURN_IF_ERROR(OpenForRead(from).status());
  PINTLE_RETURN_IF_ERROR(OpenForWrite(from).status());
  const std::lock_guard lock(mutex_);
  written_[to] = written_[from];
  written_.erase(from);
  removed_.insert(from);
  removed_.erase(to);
  return absl::OkStatus();
}

absl::Status OverlayFileSystem::Remove(const std::string& path) {
  if (!Exists(path)) return absl::NotFoundError(path);
  const std::lock_guard lock(mutex_);
  written_.erase(path);
  removed_.insert(path);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> OverlayFileSystem::List(const std::string& folder) {
  absl::StatusOr<std::vector<std::string>> below = below_.List(folder);
  const std::lock_guard lock(mutex_);
  if (!below.ok() && !folders_.contains(folder)) return below.status();
  std::set<std::string> names;
  if (below.ok()) names.insert(below->begin(), below->end());
  for (const auto& path : removed_) {
    if (path.starts_with(folder + "/")) names.erase(path.substr(folder.size() + 1));
  }
  for (const auto& [path, content] : written_) {
    const size_t slash = path.rfind('/');
    if (path.substr(0, slash) == folder) names.insert(path.substr(slash + 1));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::Status OverlayFileSystem::MakeFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  folders_.insert(path);
  return absl::OkStatus();
}

absl::Status OverlayFileSystem::SyncFolder(const std::string&) { return absl::OkStatus(); }

absl::Status OverlayFileSystem::RemoveFolder(const std::string& path) {
  return absl::PermissionDeniedError(path + " is only looked at");
}

absl::StatusOr<std::unique_ptr<FileLock>> OverlayFileSystem::Lock(const std::string&) {
  return std::make_unique<FileLock>();
}

absl::StatusOr<uint64_t> OverlayFileSystem::FreeBytes(const std::string& path) {
  return below_.FreeBytes(path);
}

}  // namespace pintle::server::inspect

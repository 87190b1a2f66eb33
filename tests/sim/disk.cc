#include "tests/sim/disk.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace pintle::sim {

using server::storage::File;
using server::storage::FileLock;

struct VirtualDisk::HeldLock final : FileLock {
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

class VirtualDisk::OpenFile final : public File {
 public:
  OpenFile(VirtualDisk& disk, std::shared_ptr<Content> content, std::string path, bool writable)
      : disk_(disk), content_(std::move(content)), path_(std::move(path)), writable_(writable) {}

  absl::Status WriteAt(uint64_t offset, std::span<const std::string_view> pieces) override {
    if (!writable_) return absl::FailedPreconditionError(path_ + " was opened for reading");
    disk_.CountOperation();
    const std::lock_guard lock(disk_.mutex_);
    return disk_.Write(*content_, path_, offset, pieces);
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
    if (!writable_) return absl::FailedPreconditionError(path_ + " was opened for reading");
    disk_.CountOperation();
    const std::lock_guard lock(disk_.mutex_);
    const uint64_t before = content_->now.size();
    content_->now.resize(size, '\0');
    content_->dirty[std::min(before, size)] = std::max(before, size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    disk_.CountOperation();
    const std::lock_guard lock(disk_.mutex_);
    return disk_.SyncContent(*content_, path_);
  }

 private:
  VirtualDisk& disk_;
  const std::shared_ptr<Content> content_;
  const std::string path_;
  const bool writable_;
};

std::string VirtualDisk::Parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

void VirtualDisk::CountOperation() {
  ++operations_;
  if (listener_) listener_(operations_);
}

absl::Status VirtualDisk::Write(Content& content, const std::string& path, uint64_t offset,
                                std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    const uint64_t end = offset + piece.size();
    if (end > content.now.size()) {
      const uint64_t grows = end - content.now.size();
      if (room_ != kUnlimited) {
        if (grows > room_) return absl::ResourceExhaustedError("write " + path);
        room_ -= grows;
      }
      content.now.resize(end, '\0');
    }
    std::memcpy(content.now.data() + offset, piece.data(), piece.size());
    uint64_t& dirty_end = content.dirty[offset];
    dirty_end = std::max(dirty_end, end);
    offset = end;
  }
  return absl::OkStatus();
}

absl::Status VirtualDisk::SyncContent(Content& content, const std::string& path) {
  if (std::exchange(fail_next_sync_, false)) {
    // The system marks the pages clean: reads show them, a second sync says OK, and nobody has
    // written them. Only what is written anew gets another chance.
    content.dirty.clear();
    return absl::InternalError("fdatasync " + path + ": Input/output error");
  }
  content.synced.resize(content.now.size(), '\0');
  for (const auto& [begin, end] : content.dirty) {
    const uint64_t stop = std::min<uint64_t>(end, content.now.size());
    if (begin < stop)
      std::memcpy(content.synced.data() + begin, content.now.data() + begin, stop - begin);
  }
  content.dirty.clear();
  return absl::OkStatus();
}

// Part of the sector is new, the rest what it was; or nothing a program ever wrote.
void VirtualDisk::TearSector(const Content& content, uint64_t at, std::string& bytes) {
  const uint64_t end = std::min<uint64_t>(at + kSectorBytes, bytes.size());
  const uint64_t cut = at + random_.Below(end - at + 1);
  for (uint64_t i = at; i < cut; ++i) bytes[i] = content.now[i];
  if (random_.Below(4) != 0) return;
  for (uint64_t i = cut; i < end; ++i) bytes[i] = static_cast<char>(random_.Next());
}

std::shared_ptr<VirtualDisk::Content> VirtualDisk::Survivor(const Content& content) {
  auto survivor = std::make_shared<Content>();
  std::string bytes = content.synced;
  if (!content.dirty.empty() && random_.Below(4) != 0) {
    if (random_.Below(2) == 0) bytes.resize(content.now.size(), '\0');
    std::set<uint64_t> sectors;
    for (const auto& [begin, end] : content.dirty) {
      for (uint64_t at = begin / kSectorBytes * kSectorBytes; at < end; at += kSectorBytes)
        sectors.insert(at);
    }
    const uint64_t style = random_.Below(3);  // all kept, each for itself, a prefix
    const uint64_t prefix = random_.Below(sectors.size() + 1);
    uint64_t place = 0;
    for (const uint64_t at : sectors) {
      const uint64_t end =
          std::min<uint64_t>({at + kSectorBytes, bytes.size(), content.now.size()});
      const bool keep = style == 0 || (style == 1 ? random_.Below(2) == 0 : place < prefix);
      const bool torn = style == 1 ? random_.Below(8) == 0 : place == prefix;
      ++place;
      if (at >= end) continue;
      if (torn && end <= content.now.size()) {
        TearSector(content, at, bytes);
      } else if (keep) {
        std::memcpy(bytes.data() + at, content.now.data() + at, end - at);
      }
    }
  }
  survivor->now = bytes;
  survivor->synced = std::move(bytes);
  return survivor;
}

void VirtualDisk::Freeze() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(frozen_, true)) return;
  Names names = synced_names_;
  if (random_.Below(2) == 0) {
    // One folder's names had reached the disk although nobody had synced them.
    std::vector<std::string> folders(folders_.begin(), folders_.end());
    const std::string& folder = folders[random_.Below(folders.size())];
    std::erase_if(names, [&](const auto& item) { return Parent(item.first) == folder; });
    for (const auto& item : names_) {
      if (Parent(item.first) == folder) names.insert(item);
    }
  }
  image_folders_ = folders_;
  std::map<const Content*, std::shared_ptr<Content>> survivors;
  image_.clear();
  for (const auto& [path, content] : names) {
    auto& survivor = survivors[content.get()];
    if (survivor == nullptr) survivor = Survivor(*content);
    image_[path] = survivor;
  }
}

void VirtualDisk::Reboot() {
  Freeze();
  const std::lock_guard lock(mutex_);
  names_ = image_;
  folders_ = image_folders_;
  synced_names_ = names_;
  image_.clear();
  locks_.clear();
  frozen_ = false;
  fail_next_sync_ = false;
}

std::vector<std::string> VirtualDisk::Matching(const std::string& part) const {
  std::vector<std::string> paths;
  for (const auto& [path, content] : synced_names_) {
    if (path.find(part) != std::string::npos && !content->synced.empty()) paths.push_back(path);
  }
  return paths;
}

bool VirtualDisk::FlipBit(const std::string& part) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> paths = Matching(part);
  if (paths.empty()) return false;
  Content& content = *synced_names_.at(paths[random_.Below(paths.size())]);
  const uint64_t at = random_.Below(content.synced.size());
  const char bit = static_cast<char>(1 << random_.Below(8));
  content.synced[at] = static_cast<char>(content.synced[at] ^ bit);
  if (at < content.now.size()) content.now[at] = static_cast<char>(content.now[at] ^ bit);
  return true;
}

bool VirtualDisk::RemoveOne(const std::string& part) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> paths = Matching(part);
  if (paths.empty()) return false;
  const std::string path = paths[random_.Below(paths.size())];
  names_.erase(path);
  synced_names_.erase(path);
  return true;
}

absl::StatusOr<std::unique_ptr<File>> VirtualDisk::OpenForWrite(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
  auto& content = names_[path];
  if (content == nullptr) content = std::make_shared<Content>();
  return std::make_unique<OpenFile>(*this, content, path, /*writable=*/true);
}

absl::StatusOr<std::unique_ptr<File>> VirtualDisk::OpenForRead(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(path);
  return std::make_unique<OpenFile>(*this, found->second, path, /*writable=*/false);
}

absl::StatusOr<std::string> VirtualDisk::ReadWhole(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(path);
  return found->second->now;
}

absl::StatusOr<uint64_t> VirtualDisk::FileSize(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(path);
  return found->second->now.size();
}

bool VirtualDisk::Exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return names_.contains(path) || folders_.contains(path);
}

absl::Status VirtualDisk::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  auto node = names_.extract(from);
  if (node.empty()) return absl::NotFoundError(from);
  names_[to] = node.mapped();
  return absl::OkStatus();
}

absl::Status VirtualDisk::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return absl::NotFoundError(path);
  if (room_ != kUnlimited) room_ += found->second->now.size();
  names_.erase(found);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> VirtualDisk::List(const std::string& folder) {
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

absl::Status VirtualDisk::MakeFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (names_.contains(path)) return absl::FailedPreconditionError(path + " is not a folder");
  if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
  folders_.insert(path);
  return absl::OkStatus();
}

absl::Status VirtualDisk::SyncFolder(const std::string& path) {
  CountOperation();
  const std::lock_guard lock(mutex_);
  if (!folders_.contains(path)) return absl::NotFoundError(path);
  std::erase_if(synced_names_, [&](const auto& item) { return Parent(item.first) == path; });
  for (const auto& item : names_) {
    if (Parent(item.first) == path) synced_names_.insert(item);
  }
  return absl::OkStatus();
}

absl::Status VirtualDisk::RemoveFolder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto inside = [&](const std::string& name) {
    return name == path || name.starts_with(path + "/");
  };
  std::erase_if(names_, [&](const auto& item) { return inside(item.first); });
  std::erase_if(synced_names_, [&](const auto& item) { return inside(item.first); });
  std::erase_if(folders_, inside);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> VirtualDisk::Lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
  auto& content = names_[path];
  if (content == nullptr) content = std::make_shared<Content>();
  auto held = std::make_unique<HeldLock>();
  auto& holder = locks_[path];
  if (!holder.expired()) return absl::FailedPreconditionError(path + " is held");
  holder = held->alive;
  return held;
}

absl::StatusOr<uint64_t> VirtualDisk::FreeBytes(const std::string&) { return room_; }

}  // namespace pintle::sim

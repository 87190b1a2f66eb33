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
    if (absl::Status read = disk_.ReadFrom(*content_, path_, offset, got, out); !read.ok())
      return read;
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
    return disk_.SyncContent(content_, path_);
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
  const bool fails = std::exchange(fail_next_write_, false);
  for (const std::string_view piece : pieces) {
    const uint64_t size = fails ? random_.Below(piece.size() + 1) : piece.size();
    const uint64_t end = offset + size;
    if (end > content.now.size()) {
      const uint64_t grows = end - content.now.size();
      if (room_ != kUnlimited) {
        if (grows > room_) return absl::ResourceExhaustedError("write " + path);
        room_ -= grows;
      }
      content.now.resize(end, '\0');
    }
    content.now.replace(offset, size, piece.substr(0, size));
    uint64_t& dirty_end = content.dirty[offset];
    dirty_end = std::max(dirty_end, end);
    offset = end;
    if (fails) return absl::InternalError("write " + path + ": Input/output error");
  }
  return absl::OkStatus();
}

absl::Status VirtualDisk::ReadFrom(const Content& content, const std::string& path, uint64_t offset,
                                   size_t size, char* out) const {
  for (auto bad = content.unreadable.lower_bound(offset / kSectorBytes * kSectorBytes);
       bad != content.unreadable.end() && *bad < offset + size; ++bad) {
    const bool cached = std::ranges::any_of(content.dirty, [&](const auto& range) {
      return range.first < *bad + kSectorBytes && *bad < range.second;
    });
    if (!cached) return absl::InternalError("read " + path + ": Input/output error");
  }
  content.now.copy(out, size, offset);
  return absl::OkStatus();
}

absl::Status VirtualDisk::SyncContent(const std::shared_ptr<Content>& shared,
                                      const std::string& path) {
  Content& content = *shared;
  if (std::exchange(fail_next_sync_, false)) {
    ++failed_syncs_;
    // The system marks the pages clean: reads show them, a second sync says OK, and nobody has
    // written them. Only what is written anew gets another chance.
    content.dirty.clear();
    return absl::InternalError("fdatasync " + path + ": Input/output error");
  }
  content.synced.resize(content.now.size(), '\0');
  for (const auto& [begin, end] : content.dirty) {
    const uint64_t stop = std::min<uint64_t>(end, content.now.size());
    NoteNewBytes(content, begin, end);
    if (begin >= stop) continue;
    if (remembers_) Remember(shared, begin, stop);
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
  survivor->damaged = content.damaged;
  survivor->unreadable = content.unreadable;
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
        NoteNewBytes(*survivor, at, end);
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
  image_written_.clear();
  for (const Written& written : written_) {
    const auto survivor = survivors.find(written.content.lock().get());
    if (survivor != survivors.end())
      image_written_.push_back({survivor->second, written.offset, written.before});
  }
}

void VirtualDisk::Reboot() {
  Freeze();
  const std::lock_guard lock(mutex_);
  names_ = image_;
  folders_ = image_folders_;
  synced_names_ = names_;
  image_.clear();
  written_ = std::move(image_written_);
  locks_.clear();
  frozen_ = false;
  fail_next_sync_ = fail_next_write_ = false;
}

absl::StatusOr<std::unique_ptr<File>> VirtualDisk::OpenForWrite(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!folders_.contains(Parent(path))) return absl::NotFoundError(path);
  auto& content = names_[path];
  if (content == nullptr) content = std::make_shared<Content>();
  lost_files_.erase(path);
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
  const Content& content = *found->second;
  std::string bytes(content.now.size(), '\0');
  if (absl::Status read = ReadFrom(content, path, 0, bytes.size(), bytes.data()); !read.ok())
    return read;
  return bytes;
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
  lost_files_.erase(to);
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
  if (std::exchange(fail_next_sync_, false)) {
    ++failed_syncs_;
    return absl::InternalError("fsync " + path + ": Input/output error");
  }
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
  std::erase_if(lost_files_, inside);
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

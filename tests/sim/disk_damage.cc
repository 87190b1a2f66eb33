// VirtualDisk, the part about what becomes of bytes that had been synced.
#include <algorithm>

#include "tests/sim/disk.h"

namespace pintle::sim {
namespace {

constexpr size_t kMostWritten = 64;
constexpr uint64_t kLargestPiece = 4096;  // of a write that goes astray: a page
constexpr char kLogFile[] = ".wal";

}  // namespace

const char* NameOf(DiskDamage damage) {
  switch (damage) {
    case DiskDamage::kFlippedBit:
      return "bit-flipped";
    case DiskDamage::kLostWrite:
      return "write-lost";
    case DiskDamage::kMisdirectedWrite:
      return "write-misdirected";
    case DiskDamage::kUnreadableSector:
      return "sector-unreadable";
    case DiskDamage::kLostFile:
      return "file-lost";
  }
  return "";
}

// These are on the platter now.
void VirtualDisk::NoteNewBytes(Content& content, uint64_t begin, uint64_t end) {
  std::erase_if(content.damaged,
                [&](const auto& range) { return begin <= range.first && range.second <= end; });
  if (content.unreadable.empty()) return;
  std::erase_if(content.unreadable,
                [&](uint64_t sector) { return sector < end && begin < sector + kSectorBytes; });
}

// Before the bytes of `content` become durable. One page of a large write stands for all.
void VirtualDisk::Remember(const std::shared_ptr<Content>& content, uint64_t begin, uint64_t end) {
  if (end - begin > kLargestPiece) {
    const uint64_t pages = (end - begin) / kLargestPiece;
    begin += random_.Below(pages) * kLargestPiece;
    end = std::min(end, begin + kLargestPiece);
  }
  written_.push_back({content, begin, content->synced.substr(begin, end - begin)});
  if (written_.size() > kMostWritten) written_.pop_front();
}

std::vector<std::string> VirtualDisk::Matching(const std::string& part) const {
  std::vector<std::string> paths;
  for (const auto& [path, content] : synced_names_) {
    if (path.find(part) == std::string::npos || content->synced.empty()) continue;
    const auto now = names_.find(path);
    if (now != names_.end() && now->second == content) paths.push_back(path);
  }
  return paths;
}

std::shared_ptr<VirtualDisk::Content> VirtualDisk::OneOf(const std::string& part) {
  const std::vector<std::string> paths = Matching(part);
  if (paths.empty()) return nullptr;
  return synced_names_.at(paths[random_.Below(paths.size())]);
}

// Of the log.
const VirtualDisk::Written* VirtualDisk::NewestWrite() const {
  std::set<const Content*> log;
  for (const std::string& path : Matching(kLogFile)) log.insert(synced_names_.at(path).get());
  for (auto written = written_.rbegin(); written != written_.rend(); ++written) {
    if (log.contains(written->content.lock().get())) return &*written;
  }
  return nullptr;
}

// One that can be lost without that everything behind it in the log is, too.
const VirtualDisk::Written* VirtualDisk::SomeWrite(const std::string& part) {
  std::set<const Content*> there;
  for (const std::string& path : Matching(part)) there.insert(synced_names_.at(path).get());
  const Written* const newest = NewestWrite();
  std::vector<const Written*> writes;
  for (const Written& written : written_) {
    const std::shared_ptr<Content> content = written.content.lock();
    if (&written == newest || !there.contains(content.get())) continue;
    if (written.offset + written.before.size() > content->synced.size()) continue;
    const bool over_newest = newest != nullptr && newest->content.lock() == content &&
                             written.offset < newest->offset + newest->before.size() &&
                             newest->offset < written.offset + written.before.size();
    if (over_newest ||
        content->synced.compare(written.offset, written.before.size(), written.before) == 0)
      continue;
    writes.push_back(&written);
  }
  return writes.empty() ? nullptr : writes[random_.Below(writes.size())];
}

void VirtualDisk::Overwrite(const std::shared_ptr<Content>& content, uint64_t offset,
                            std::string_view bytes) {
  undo_.emplace_back(content, *content);
  content->synced.replace(offset, bytes.size(), bytes);
  if (offset + bytes.size() <= content->now.size())
    content->now.replace(offset, bytes.size(), bytes);
  content->damaged[offset] = offset + bytes.size();
}

bool VirtualDisk::FlipBit(const std::string& part) {
  const std::shared_ptr<Content> content = OneOf(part);
  if (content == nullptr) return false;
  const uint64_t at = random_.Below(content->synced.size());
  const char bit = static_cast<char>(1 << random_.Below(8));
  const char flipped = static_cast<char>(content->synced[at] ^ bit);
  Overwrite(content, at, {&flipped, 1});
  return true;
}

bool VirtualDisk::LoseWrite(const std::string& part) {
  const Written* const write = SomeWrite(part);
  if (write == nullptr) return false;
  Overwrite(write->content.lock(), write->offset, write->before);
  return true;
}

bool VirtualDisk::MisdirectWrite(const std::string& part, const std::string& onto) {
  const Written* const write = SomeWrite(part);
  const std::shared_ptr<Content> victim = OneOf(onto);
  if (write == nullptr || victim == nullptr) return false;
  const std::shared_ptr<Content> content = write->content.lock();
  const uint64_t sectors = (victim->synced.size() + kSectorBytes - 1) / kSectorBytes;
  const uint64_t at = random_.Below(sectors) * kSectorBytes;
  std::string bytes = content->synced.substr(write->offset, write->before.size());
  bytes.resize(std::min<uint64_t>(bytes.size(), victim->synced.size() - at));
  const Written* const newest = NewestWrite();
  if (newest != nullptr && newest->content.lock() == victim &&
      at < newest->offset + newest->before.size() && newest->offset < at + bytes.size())
    return false;
  const bool over_itself = victim == content && at < write->offset + write->before.size() &&
                           write->offset < at + bytes.size();
  if (over_itself) return false;
  Overwrite(content, write->offset, write->before);
  Overwrite(victim, at, bytes);
  return true;
}

bool VirtualDisk::MakeUnreadable(const std::string& part) {
  const std::shared_ptr<Content> content = OneOf(part);
  if (content == nullptr) return false;
  const uint64_t sectors = (content->synced.size() + kSectorBytes - 1) / kSectorBytes;
  undo_.emplace_back(content, *content);
  content->unreadable.insert(random_.Below(sectors) * kSectorBytes);
  return true;
}

// Of the log's not the last one: the log would just end earlier.
bool VirtualDisk::LoseFile(const std::string& part) {
  std::vector<std::string> paths = Matching(part);
  const std::vector<std::string> log = Matching(kLogFile);
  if (!log.empty()) std::erase(paths, log.back());
  if (paths.empty()) return false;
  const std::string path = paths[random_.Below(paths.size())];
  undo_loss_ = {path, synced_names_.at(path)};
  names_.erase(path);
  synced_names_.erase(path);
  lost_files_.insert(path);
  return true;
}

bool VirtualDisk::Damage(DiskDamage damage, const std::string& part, const std::string& onto) {
  const std::lock_guard lock(mutex_);
  undo_.clear();
  undo_loss_ = {};
  switch (damage) {
    case DiskDamage::kFlippedBit:
      return FlipBit(part);
    case DiskDamage::kLostWrite:
      return LoseWrite(part);
    case DiskDamage::kMisdirectedWrite:
      return MisdirectWrite(part, onto);
    case DiskDamage::kUnreadableSector:
      return MakeUnreadable(part);
    case DiskDamage::kLostFile:
      return LoseFile(part);
  }
  return false;
}

void VirtualDisk::UndoDamage() {
  const std::lock_guard lock(mutex_);
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo)
    *undo->first = std::move(undo->second);
  undo_.clear();
  const auto [path, content] = std::exchange(undo_loss_, {});
  if (content == nullptr) return;
  names_[path] = synced_names_[path] = content;
  lost_files_.erase(path);
}

std::string VirtualDisk::ReadWhatCanBeRead(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const Content& content = *names_.at(path);
  std::string bytes = content.now;
  for (const uint64_t sector : content.unreadable) {
    const uint64_t end = std::min<uint64_t>(sector + kSectorBytes, bytes.size());
    if (sector < end) bytes.replace(sector, end - sector, end - sector, '\xee');
  }
  return bytes;
}

bool VirtualDisk::IsDamaged(const std::string& part) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(names_,
                             [&](const auto& item) {
                               const Content& content = *item.second;
                               const bool damaged =
                                   !content.damaged.empty() || !content.unreadable.empty();
                               return damaged && item.first.find(part) != std::string::npos;
                             }) ||
         std::ranges::any_of(lost_files_, [&](const std::string& path) {
           return path.find(part) != std::string::npos;
         });
}

}  // namespace pintle::sim

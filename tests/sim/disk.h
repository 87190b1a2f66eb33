// VirtualDisk: a disk in memory that behaves as badly as the seed says.
//
// What it promises is what a disk does: bytes are durable after Sync, names after SyncFolder. A
// crash takes every 512-byte sector that was written and not synced, each for itself: it is kept,
// lost, or torn (part new, part old); the names of a folder that was not synced are the old or the
// new ones (folders themselves are durable at once). Freeze() is a crash in the middle of a step:
// the image is taken at once, and whatever the member still does is lost with the process; Reboot()
// shows the image.
//
// Faults on demand: room (ENOSPC), one failing write (an unknown part of it is there), one failing
// sync (its pages then lie: reads show the new bytes, the platter keeps the old ones), and Damage
// (disk_damage.cc) to what had been synced:
//
//   kFlippedBit        one bit is another
//   kLostWrite         a write of late, acknowledged and synced, never got there: the old bytes are
//   kMisdirectedWrite  the same, and its bytes lie somewhere else, over others
//   kUnreadableSector  reads of it fail (EIO) until it is written anew
//   kLostFile          its name is gone
//
// The newest write that counts is never lost or misdirected: there is nothing on the disk that
// could tell. Every write and sync is counted and may be made the last.
//
// Threads: any (LevelDB has one of its own). Everything is decided by the calls and the seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/file_system.h"
#include "tests/sim/random.h"

namespace pintle::sim {

enum class DiskDamage {
  kFlippedBit,
  kLostWrite,
  kMisdirectedWrite,
  kUnreadableSector,
  kLostFile,
};
inline constexpr DiskDamage kAllDiskDamage[] = {
    DiskDamage::kFlippedBit, DiskDamage::kLostWrite, DiskDamage::kMisdirectedWrite,
    DiskDamage::kUnreadableSector, DiskDamage::kLostFile};
const char* NameOf(DiskDamage damage);

class VirtualDisk final : public server::storage::FileSystem {
 public:
  static constexpr uint64_t kSectorBytes = 512;
  static constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

  explicit VirtualDisk(uint64_t seed) : random_(seed) {}

  // ---- What the simulation does to it ----

  // The image that a crash at this moment leaves. Later calls change nothing of it.
  void Freeze();
  bool frozen() const { return frozen_; }
  // Nobody holds a File any more. Shows the image; takes it first if Freeze was not called.
  void Reboot();

  // Called before every write and sync (after the count has gone up), outside of any lock.
  void SetOperationListener(std::function<void(uint64_t count)> listener) {
    listener_ = std::move(listener);
  }
  uint64_t operations() const { return operations_; }

  void SetRoom(uint64_t bytes) { room_ = bytes; }
  void FailNextSync(bool fail = true) { fail_next_sync_ = fail; }
  void FailNextWrite(bool fail = true) { fail_next_write_ = fail; }
  // Writes and syncs that have failed so, all of them together.
  uint64_t failed_syncs() const { return failed_syncs_; }

  // Makes kLostWrite and kMisdirectedWrite possible for what is synced from now on.
  void RememberWrites() { remembers_ = true; }
  // To one of the files whose path contains `part` (kMisdirectedWrite: its bytes are missed there;
  // they fall on a file whose path contains `onto`). False: nothing there that could be hit so.
  bool Damage(DiskDamage damage, const std::string& part, const std::string& onto = "/");
  // As if the last Damage had never been.
  void UndoDamage();
  // Whether a file whose path contains `part` is damaged, and has not been written anew or removed.
  bool IsDamaged(const std::string& part) const;
  // With 0xee in the place of every sector that cannot be read.
  std::string ReadWhatCanBeRead(const std::string& path) const;

  // ---- FileSystem ----
  absl::StatusOr<std::unique_ptr<server::storage::File>> OpenForWrite(
      const std::string& path) override;
  absl::StatusOr<std::unique_ptr<server::storage::File>> OpenForRead(
      const std::string& path) override;
  absl::StatusOr<std::string> ReadWhole(const std::string& path) override;
  absl::StatusOr<uint64_t> FileSize(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status MakeFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::Status RemoveFolder(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<server::storage::FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& path) override;

 private:
  struct Content {
    std::string now;
    std::string synced;
    std::map<uint64_t, uint64_t> dirty;    // begin → end of what was written since the last sync
    std::map<uint64_t, uint64_t> damaged;  // begin → end, until all of it is written anew
    std::set<uint64_t> unreadable;         // sectors, by their first byte
  };
  using Names = std::map<std::string, std::shared_ptr<Content>>;
  // A synced write, or a part of it, and what it replaced.
  struct Written {
    std::weak_ptr<Content> content;
    uint64_t offset = 0;
    std::string before;
  };
  class OpenFile;
  struct HeldLock;

  void CountOperation();
  std::shared_ptr<Content> Survivor(const Content& content);
  void TearSector(const Content& content, uint64_t at, std::string& bytes);
  absl::Status Write(Content& content, const std::string& path, uint64_t offset,
                     std::span<const std::string_view> pieces);
  absl::Status SyncContent(const std::shared_ptr<Content>& content, const std::string& path);
  absl::Status ReadFrom(const Content& content, const std::string& path, uint64_t offset,
                        size_t size, char* out) const;

  // disk_damage.cc
  static void NoteNewBytes(Content& content, uint64_t begin, uint64_t end);
  void Remember(const std::shared_ptr<Content>& content, uint64_t begin, uint64_t end);
  std::vector<std::string> Matching(const std::string& part) const;
  std::shared_ptr<Content> OneOf(const std::string& part);
  const Written* NewestWrite() const;
  const Written* SomeWrite(const std::string& part);
  void Overwrite(const std::shared_ptr<Content>& content, uint64_t offset, std::string_view bytes);
  bool FlipBit(const std::string& part);
  bool LoseWrite(const std::string& part);
  bool MisdirectWrite(const std::string& part, const std::string& onto);
  bool MakeUnreadable(const std::string& part);
  bool LoseFile(const std::string& part);
  static std::string Parent(const std::string& path);

  SimRandom random_;
  std::function<void(uint64_t)> listener_;
  mutable std::mutex mutex_;
  Names names_;
  Names synced_names_;
  std::set<std::string> folders_{""};
  std::map<std::string, std::weak_ptr<bool>> locks_;
  Names image_;
  std::set<std::string> image_folders_;
  std::deque<Written> written_;  // the newest last
  std::deque<Written> image_written_;
  std::set<std::string> lost_files_;
  std::vector<std::pair<std::shared_ptr<Content>, Content>> undo_;  // of the last Damage
  std::pair<std::string, std::shared_ptr<Content>> undo_loss_;
  bool frozen_ = false;
  bool remembers_ = false;
  uint64_t room_ = kUnlimited;
  bool fail_next_sync_ = false;
  bool fail_next_write_ = false;
  uint64_t failed_syncs_ = 0;
  uint64_t operations_ = 0;
};

}  // namespace pintle::sim

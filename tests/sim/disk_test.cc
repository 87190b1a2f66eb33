// The virtual disk keeps what was synced, and only promises that.
#include "tests/sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "server/storage/leveldb_backend.h"

namespace pintle::sim {
namespace {

constexpr size_t kBytes = 4096;

void Write(VirtualDisk& disk, const std::string& path, char fill, bool sync) {
  auto file = disk.OpenForWrite(path);
  ASSERT_TRUE(file.ok());
  const std::string bytes(kBytes, fill);
  const std::string_view piece = bytes;
  ASSERT_TRUE((*file)->WriteAt(0, std::span(&piece, 1)).ok());
  if (sync) {
    ASSERT_TRUE((*file)->Sync().ok());
  }
}

TEST(VirtualDisk, KeepsWhatWasSynced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    VirtualDisk disk(seed);
    Write(disk, "/a", 'x', /*sync=*/true);
    ASSERT_TRUE(disk.SyncFolder("").ok());
    disk.Reboot();
    EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'x')) << "seed " << seed;
  }
}

TEST(VirtualDisk, MayLoseKeepOrTearWhatWasNot) {
  size_t old_ones = 0;
  size_t new_ones = 0;
  size_t mixed = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    VirtualDisk disk(seed);
    Write(disk, "/a", 'x', /*sync=*/true);
    ASSERT_TRUE(disk.SyncFolder("").ok());
    Write(disk, "/a", 'y', /*sync=*/false);
    disk.Reboot();
    const std::string found = *disk.ReadWhole("/a");
    ASSERT_EQ(found.size(), kBytes);
    if (found == std::string(kBytes, 'x')) {
      ++old_ones;
    } else if (found == std::string(kBytes, 'y')) {
      ++new_ones;
    } else {
      ++mixed;
    }
  }
  EXPECT_GT(old_ones, 10u);
  EXPECT_GT(new_ones, 10u);
  EXPECT_GT(mixed, 10u);
}

TEST(VirtualDisk, ANameIsDurableWhenItsFolderWasSynced) {
  size_t lost = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    VirtualDisk disk(seed);
    Write(disk, "/a", 'x', /*sync=*/true);
    disk.Reboot();
    lost += disk.Exists("/a") ? 0 : 1;
  }
  EXPECT_GT(lost, 10u);
  EXPECT_LT(lost, 50u);
}

TEST(VirtualDisk, WhatHappensAfterAFreezeIsLost) {
  VirtualDisk disk(1);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  disk.Freeze();
  Write(disk, "/a", 'y', /*sync=*/true);
  Write(disk, "/b", 'y', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  disk.Reboot();
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'x'));
  EXPECT_FALSE(disk.Exists("/b"));
}

TEST(VirtualDisk, AFailedSyncLies) {
  VirtualDisk disk(1);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  Write(disk, "/a", 'y', /*sync=*/false);
  disk.FailNextSync();
  auto file = disk.OpenForWrite("/a");
  EXPECT_FALSE((*file)->Sync().ok());
  EXPECT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'y'));
  file->reset();
  disk.Reboot();
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'x'));
}

TEST(VirtualDisk, FillsUp) {
  VirtualDisk disk(1);
  disk.SetRoom(100);
  auto file = disk.OpenForWrite("/a");
  const std::string bytes(101, 'x');
  const std::string_view piece = bytes;
  EXPECT_TRUE(absl::IsResourceExhausted((*file)->WriteAt(0, std::span(&piece, 1))));
}

TEST(VirtualDisk, AFailedWriteLeavesAnUnknownPart) {
  VirtualDisk disk(1);
  disk.FailNextWrite();
  auto file = disk.OpenForWrite("/a");
  const std::string bytes(kBytes, 'x');
  const std::string_view piece = bytes;
  EXPECT_TRUE(absl::IsInternal((*file)->WriteAt(0, std::span(&piece, 1))));
  EXPECT_LT(disk.ReadWhole("/a")->size(), kBytes);
  EXPECT_TRUE((*file)->WriteAt(0, std::span(&piece, 1)).ok());
}

TEST(VirtualDisk, AFailedSyncOfAFolderKeepsTheOldNames) {
  VirtualDisk disk(3);
  Write(disk, "/a", 'x', /*sync=*/true);
  disk.FailNextSync();
  EXPECT_TRUE(absl::IsInternal(disk.SyncFolder("")));
  EXPECT_EQ(disk.failed_syncs(), 1u);
  disk.Reboot();
  EXPECT_FALSE(disk.Exists("/a"));
}

TEST(VirtualDisk, FlipsOneBitOfWhatWasSynced) {
  VirtualDisk disk(1);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  EXPECT_FALSE(disk.Damage(DiskDamage::kFlippedBit, "/b"));
  ASSERT_TRUE(disk.Damage(DiskDamage::kFlippedBit, "/a"));
  const std::string found = *disk.ReadWhole("/a");
  size_t others = 0;
  for (const char byte : found) others += byte == 'x' ? 0 : 1;
  EXPECT_EQ(others, 1u);
  EXPECT_TRUE(disk.IsDamaged("/a"));
  disk.UndoDamage();
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'x'));
  EXPECT_FALSE(disk.IsDamaged("/a"));
}

TEST(VirtualDisk, ALostWriteShowsWhatWasThereBefore) {
  VirtualDisk disk(1);
  disk.RememberWrites();
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  Write(disk, "/a", 'y', /*sync=*/true);
  disk.Reboot();
  ASSERT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'y'));
  ASSERT_TRUE(disk.Damage(DiskDamage::kLostWrite, "/a"));
  const std::string found = *disk.ReadWhole("/a");
  EXPECT_TRUE(found == std::string(kBytes, 'x') || found == std::string(kBytes, '\0'));
}

TEST(VirtualDisk, TheNewestWriteOfTheLogIsNotLost) {
  VirtualDisk disk(1);
  disk.RememberWrites();
  Write(disk, "/1.wal", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  EXPECT_FALSE(disk.Damage(DiskDamage::kLostWrite, ".wal"));
  EXPECT_FALSE(disk.Damage(DiskDamage::kMisdirectedWrite, ".wal", ".wal"));
  EXPECT_FALSE(disk.Damage(DiskDamage::kLostFile, ".wal"));
}

TEST(VirtualDisk, AMisdirectedWriteLiesOverSomethingElse) {
  VirtualDisk disk(1);
  disk.RememberWrites();
  Write(disk, "/victim", 'v', /*sync=*/true);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  ASSERT_TRUE(disk.Damage(DiskDamage::kMisdirectedWrite, "/a", "/victim"));
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, '\0'));
  EXPECT_NE(disk.ReadWhole("/victim")->find('x'), std::string::npos);
  EXPECT_TRUE(disk.IsDamaged("/a"));
  EXPECT_TRUE(disk.IsDamaged("/victim"));
  disk.UndoDamage();
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'x'));
  EXPECT_EQ(*disk.ReadWhole("/victim"), std::string(kBytes, 'v'));
}

TEST(VirtualDisk, AnUnreadableSectorIsReadableOnceItIsWrittenAnew) {
  VirtualDisk disk(1);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  ASSERT_TRUE(disk.Damage(DiskDamage::kUnreadableSector, "/a"));
  EXPECT_TRUE(absl::IsInternal(disk.ReadWhole("/a").status()));
  const std::string rest = disk.ReadWhatCanBeRead("/a");
  EXPECT_EQ(std::ranges::count(rest, 'x'), kBytes - VirtualDisk::kSectorBytes);
  auto file = disk.OpenForRead("/a");
  std::string bytes(VirtualDisk::kSectorBytes, '\0');
  size_t failures = 0;
  for (uint64_t at = 0; at < kBytes; at += bytes.size())
    failures += (*file)->ReadAt(at, bytes.size(), bytes.data()).ok() ? 0 : 1;
  EXPECT_EQ(failures, 1u);
  Write(disk, "/a", 'y', /*sync=*/false);
  EXPECT_EQ(*disk.ReadWhole("/a"), std::string(kBytes, 'y'));
  EXPECT_TRUE(disk.IsDamaged("/a"));  // a crash may still lose that
  Write(disk, "/a", 'y', /*sync=*/true);
  EXPECT_FALSE(disk.IsDamaged("/a"));
}

TEST(VirtualDisk, ALostFileIsMissedUntilItIsMadeAnew) {
  VirtualDisk disk(1);
  Write(disk, "/a", 'x', /*sync=*/true);
  ASSERT_TRUE(disk.SyncFolder("").ok());
  ASSERT_TRUE(disk.Damage(DiskDamage::kLostFile, "/a"));
  EXPECT_FALSE(disk.Exists("/a"));
  EXPECT_TRUE(disk.IsDamaged("/a"));
  disk.UndoDamage();
  EXPECT_TRUE(disk.Exists("/a"));
  EXPECT_FALSE(disk.IsDamaged("/a"));
}

// A store that the disk does not give back is damaged, and not only in trouble: it is made anew.
TEST(VirtualDisk, AnUnreadableTableIsDamage) {
  VirtualDisk disk(1);
  ASSERT_TRUE(disk.MakeFolder("/store").ok());
  const server::storage::LeveldbOptions options{
      .directory = "/store", .files = &disk, .flush_on_close = false, .wait_for_background = true};
  auto store = server::storage::LeveldbBackend::Open(options);
  ASSERT_TRUE(store.ok());
  kv::BackendBatch batch;
  batch.Put("key", std::string(100, 'x'));
  ASSERT_TRUE((*store)->Apply(batch).ok());
  ASSERT_TRUE((*store)->Flush().ok());
  store->reset();
  ASSERT_TRUE(disk.Damage(DiskDamage::kUnreadableSector, ".ldb"));
  auto again = server::storage::LeveldbBackend::Open(options);
  EXPECT_TRUE(absl::IsDataLoss(again.ok() ? (*again)->Get("key").status() : again.status()));
  again->reset();
  disk.UndoDamage();
  ASSERT_TRUE(disk.Damage(DiskDamage::kUnreadableSector, "/MANIFEST"));
  EXPECT_TRUE(absl::IsDataLoss(server::storage::LeveldbBackend::Open(options).status()));
}

}  // namespace
}  // namespace pintle::sim

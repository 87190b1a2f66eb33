// The virtual disk keeps what was synced, and only promises that.
#include "tests/sim/disk.h"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace pintle::sim

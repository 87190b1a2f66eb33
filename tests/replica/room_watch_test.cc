#include "server/replica/room_watch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/storage/memory_file_system.h"

namespace pintle::server::replica {
namespace {

constexpr uint64_t kLeast = 1000;

RoomWatch WatchOf(storage::FileSystem& files, uint64_t least) {
  return {files, [] { return std::vector<std::string>{"/log", "/store"}; }, least};
}

TEST(RoomWatch, IsLowUntilThereIsHalfAsMuchMore) {
  storage::MemoryFileSystem files;
  RoomWatch watch = WatchOf(files, kLeast);
  const std::vector<std::pair<uint64_t, bool>> steps = {{kLeast, false},         {kLeast - 1, true},
                                                        {kLeast, true},          {0, true},
                                                        {kLeast * 3 / 2, false}, {kLeast, false}};
  for (const auto& [free, low] : steps) {
    files.SetRoom(free);
    watch.Look();
    EXPECT_EQ(watch.low(), low) << free;
  }
}

TEST(RoomWatch, IsNeverLowWithoutABound) {
  storage::MemoryFileSystem files;
  RoomWatch watch = WatchOf(files, 0);
  files.SetRoom(0);
  watch.Look();
  EXPECT_FALSE(watch.low());
}

}  // namespace
}  // namespace pintle::server::replica

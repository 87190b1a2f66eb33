// LevelDB on disks that lose, tear, damage and fill up. What the store makes of it:
// tests/kv/leveldb_test.
#include "server/storage/leveldb_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/storage/fatal.h"
#include "server/storage/leveldb_manifest.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;

const std::string kFolder = "/store";

std::string Key(uint64_t i) { return "key" + std::to_string(10000 + i); }

class LeveldbBackendTest : public ::testing::Test {
 protected:
  absl::Status Open() {
    backend_.reset();
    auto opened = LeveldbBackend::Open({.directory = kFolder,
                                        .files = &files_,
                                        .write_buffer_bytes = size_t{64} << 10,
                                        .flush_on_close = false,
                                        .wait_for_background = true});
    if (opened.ok()) backend_ = *std::move(opened);
    return opened.status();
  }
  absl::Status Put(uint64_t i) {
    kv::BackendBatch batch;
    batch.Put(Key(i), std::string(3000, static_cast<char>('a' + i % 26)));
    batch.sequence = kv::Sequence(i);
    return backend_->Apply(batch);
  }
  void MustPut(uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last; ++i) {
      const absl::Status put = Put(i);
      ASSERT_TRUE(put.ok()) << i << ": " << put;
    }
  }
  // How many keys there are: a prefix, or the test fails.
  uint64_t Count() {
    uint64_t count = 0;
    const absl::Status scanned =
        backend_->Scan("", "\xff", [&](std::string_view key, std::string_view) {
          EXPECT_EQ(key, Key(++count));
          return true;
        });
    EXPECT_TRUE(scanned.ok()) << scanned;
    return count;
  }
  std::vector<std::string> Names(std::string_view part) {
    std::vector<std::string> names;
    const auto found = files_.List(kFolder);
    for (const auto& name : found.value()) {
      if (name.find(part) != std::string::npos) names.push_back(kFolder + "/" + name);
    }
    return names;
  }

  MemoryFileSystem files_;
  std::unique_ptr<LeveldbBackend> backend_;
};

TEST_F(LeveldbBackendTest, WhatItCallsDurableSurvivesEveryCrash) {
  uint64_t durable = 0;
  for (int round = 0; round < 6; ++round) {
    ASSERT_TRUE(Open().ok());
    const uint64_t found = Count();
    ASSERT_GE(found, durable) << "round " << round;
    MustPut(found + 1, found + 100);
    durable = std::max(found, backend_->durable_sequence().value());
    backend_.reset();
    files_.Crash();
  }
  EXPECT_GT(durable, 400U) << "nothing was flushed: the test shows nothing";
}

// The same calls make the same files, whatever the scheduler does.
TEST_F(LeveldbBackendTest, RunsAreRepeatableWhenItWaits) {
  std::map<std::string, std::string> first;
  for (int run = 0; run < 3; ++run) {
    ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
    ASSERT_TRUE(Open().ok());
    MustPut(1, 700);
    for (uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(backend_->Get(Key(i * 13 + 1)).ok());
    std::map<std::string, std::string> all;
    for (const auto& path : Names("")) all[path] = *files_.ReadWhole(path);
    EXPECT_GT(all.size(), 5U);
    if (run == 0) first = all;
    EXPECT_EQ(all, first);
  }
}

TEST_F(LeveldbBackendTest, AMissingFileIsDataLoss) {
  ASSERT_TRUE(Open().ok());
  MustPut(1, 200);
  ASSERT_TRUE(backend_->Flush().ok());
  backend_.reset();
  std::vector<std::string> needed = Names("MANIFEST");
  needed.push_back(kFolder + "/CURRENT");
  const std::vector<std::string> tables = Names(".ldb");
  ASSERT_FALSE(tables.empty());
  needed.insert(needed.end(), tables.begin(), tables.end());
  for (const auto& path : needed) {
    const std::string bytes = *files_.ReadWhole(path);
    ASSERT_TRUE(files_.Remove(path).ok());
    const size_t before = files_.List(kFolder)->size();
    EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss) << path;
    EXPECT_EQ(Names(".ldb").size() + (path.ends_with(".ldb") ? 1 : 0), tables.size());
    EXPECT_LE(files_.List(kFolder)->size(), before + 1);  // the lock, at most
    files_.Plant(path, bytes);
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Count(), 200U);
}

TEST_F(LeveldbBackendTest, ATableThatGoesWhileItRunsIsNotAnAbsentKey) {
  ASSERT_TRUE(Open().ok());
  MustPut(1, 200);
  ASSERT_TRUE(backend_->Flush().ok());
  ASSERT_TRUE(Open().ok());
  for (const auto& table : Names(".ldb")) ASSERT_TRUE(files_.Remove(table).ok());
  EXPECT_EQ(backend_->Get(Key(1)).status().code(), absl::StatusCode::kDataLoss);
}

// A flipped bit anywhere is found, at the opening or at the read, or does no harm; never is a wrong
// value handed out.
TEST_F(LeveldbBackendTest, AFlippedBitIsNeverReturned) {
  ASSERT_TRUE(Open().ok());
  MustPut(1, 60);
  ASSERT_TRUE(backend_->Flush().ok());
  backend_.reset();
  std::map<std::string, std::string> good;
  for (const auto& path : Names("")) good[path] = *files_.ReadWhole(path);
  int found = 0;
  for (const auto& [path, bytes] : good) {
    if (bytes.empty() || path.ends_with("LOCK")) continue;
    for (size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 60) {
      ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
      for (const auto& [name, content] : good) files_.Plant(name, content);
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
      files_.Plant(path, damaged);
      const absl::Status opened = Open();
      if (!opened.ok()) {
        EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss) << path << " " << at << opened;
        ++found;
        continue;
      }
      for (uint64_t i = 1; i <= 60; ++i) {
        const auto value = backend_->Get(Key(i));
        if (value.ok()) {
          ASSERT_EQ(*value, std::string(3000, static_cast<char>('a' + i % 26)));
          continue;
        }
        // Only the torn last edit of a MANIFEST may take keys away: the log has them.
        const bool edit = path.find("MANIFEST") != std::string::npos;
        ASSERT_EQ(value.status().code(),
                  edit ? absl::StatusCode::kNotFound : absl::StatusCode::kDataLoss)
            << path << " " << at << value.status();
        ++found;
      }
    }
  }
  EXPECT_GT(found, 100);
}

TEST_F(LeveldbBackendTest, ATornLastEditOfTheManifestIsLeftOut) {
  ASSERT_TRUE(Open().ok());
  MustPut(1, 60);
  ASSERT_TRUE(backend_->Flush().ok());
  const std::string path = Names("MANIFEST").back();
  const std::string before = *files_.ReadWhole(path);
  MustPut(61, 80);
  ASSERT_TRUE(backend_->Flush().ok());
  const std::string after = *files_.ReadWhole(path);
  ASSERT_GT(after.size(), before.size());
  backend_.reset();
  std::map<std::string, std::string> good;
  for (const auto& name : Names("")) good[name] = *files_.ReadWhole(name);
  for (size_t at = before.size(); at < after.size(); ++at) {
    for (const char fill : {'\0', '\x55', '\xff'}) {
      ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
      for (const auto& [name, content] : good) files_.Plant(name, content);
      std::string torn = after.substr(0, at);
      torn.resize(after.size(), fill);
      if (torn == after) continue;
      files_.Plant(path, torn);
      const absl::Status opened = Open();
      ASSERT_TRUE(opened.ok()) << at << ": " << opened;
      ASSERT_EQ(Count(), 60U) << at;
    }
  }
}

// LevelDB would pass over zeros, and take a record for what it says wherever it lies.
TEST_F(LeveldbBackendTest, DamageInsideTheManifestIsNotATornEnd) {
  ASSERT_TRUE(Open().ok());
  std::vector<size_t> ends;
  for (uint64_t i = 1; i <= 5; ++i) {
    MustPut(i, i);
    ASSERT_TRUE(backend_->Flush().ok());
    ends.push_back(files_.ReadWhole(Names("MANIFEST").back())->size());
  }
  const std::string path = Names("MANIFEST").back();
  const std::string good = *files_.ReadWhole(path);
  EXPECT_EQ(IntactManifestBytes(good), good.size());
  backend_.reset();
  std::map<std::string, std::string> damaged;
  damaged["flipped"] = good;
  damaged["flipped"][good.size() / 3] ^= 1;
  const size_t size = ends[3] - ends[2];
  damaged["lost"] = good;
  damaged["lost"].replace(ends[2], size, std::string(size, '\0'));
  // The last one lies over the first one, and where it should be is nothing.
  const std::string last = good.substr(ends[3]);
  damaged["over the first"] = good;
  damaged["over the first"].replace(0, last.size(), last);
  damaged["over the first"].replace(ends[0], good.size() - ends[0],
                                    std::string(good.size() - ends[0], '\0'));
  // One lies over another of its size.
  ASSERT_EQ(last.size(), size);
  damaged["in another's place"] = good;
  damaged["in another's place"].replace(ends[2], size, last);
  for (const auto& [what, bytes] : damaged) {
    EXPECT_EQ(IntactManifestBytes(bytes), std::nullopt) << what;
    files_.Plant(path, bytes);
    EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss) << what;
    EXPECT_FALSE(Names(".ldb").empty()) << what;
  }
}

// Room runs out at every possible byte count; what was durable stays, and once there is room again
// the same directory opens and goes on.
TEST_F(LeveldbBackendTest, AFullDiskIsSaidAndSurvived) {
  int refused = 0;
  for (uint64_t room = 0; room < 40000; room += 613) {
    ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
    files_.SetRoom(MemoryFileSystem::kNever);
    ASSERT_TRUE(Open().ok());
    MustPut(1, 50);
    files_.SetRoom(room);
    absl::Status status;
    uint64_t put = 50;
    while (status.ok() && put < 250) {
      status = Put(put + 1);
      if (status.ok()) ++put;
    }
    const uint64_t durable = backend_->durable_sequence().value();
    if (!status.ok()) {
      ++refused;
      ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      files_.SetRoom(MemoryFileSystem::kNever);
      ASSERT_EQ(Put(put + 2).code(), absl::StatusCode::kResourceExhausted) << "no gap";
    }
    files_.SetRoom(MemoryFileSystem::kNever);
    ASSERT_TRUE(Open().ok());
    const uint64_t found = Count();
    ASSERT_GE(found, durable);
    ASSERT_LE(found, put + 1);
    MustPut(found + 1, found + 100);
  }
  EXPECT_GT(refused, 20);
}

// Somebody still reads from the store that failed while it is opened anew: the old one never writes
// again, whatever it had begun.
TEST_F(LeveldbBackendTest, AFailedStoreCanBeOpenedAgainBesideItself) {
  for (const bool waits : {true, false}) {
    for (uint64_t room = 2000; room < 30000; room += 1999) {
      backend_.reset();
      ASSERT_TRUE(files_.RemoveFolder(kFolder).ok());
      files_.SetRoom(MemoryFileSystem::kNever);
      const LeveldbOptions options{.directory = kFolder,
                                   .files = &files_,
                                   .write_buffer_bytes = size_t{64} << 10,
                                   .wait_for_background = waits};
      backend_ = *LeveldbBackend::Open(options);
      MustPut(1, 50);
      ASSERT_TRUE(backend_->Flush().ok());
      files_.SetRoom(room);
      uint64_t put = 50;
      while (Put(put + 1).ok()) ASSERT_LT(++put, 2000U);
      files_.SetRoom(MemoryFileSystem::kNever);
      const std::unique_ptr<LeveldbBackend> old = std::move(backend_);
      auto again = LeveldbBackend::Open(options);
      ASSERT_TRUE(again.ok()) << again.status();
      backend_ = *std::move(again);
      EXPECT_TRUE(old->Get(Key(1)).ok()) << "readers go on";
      const uint64_t writes = files_.writes();
      EXPECT_FALSE(old->Flush().ok());
      EXPECT_EQ(files_.writes(), writes);
      const uint64_t found = Count();
      ASSERT_GE(found, old->durable_sequence().value());
      MustPut(found + 1, found + 200);
      ASSERT_TRUE(backend_->Flush().ok());
      ASSERT_EQ(Count(), found + 200);
      EXPECT_TRUE(absl::IsResourceExhausted(old->Apply({})));
    }
  }
}

TEST_F(LeveldbBackendTest, NoRoomToOpenIsSaid) {
  files_.SetRoom(10);
  EXPECT_EQ(Open().code(), absl::StatusCode::kResourceExhausted);
  files_.SetRoom(MemoryFileSystem::kNever);
  ASSERT_TRUE(Open().ok());
  MustPut(1, 10);
}

int the_fatals = 0;

TEST_F(LeveldbBackendTest, AFailedSyncIsFatal) {
  SetFatalListener([](std::string_view text) {
    ++the_fatals;
    EXPECT_THAT(std::string(text), HasSubstr("writing the store failed"));
  });
  ASSERT_TRUE(Open().ok());
  MustPut(1, 5);
  files_.FailSyncs(0);
  EXPECT_EQ(backend_->Flush().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Put(6).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(the_fatals, 1);
  SetFatalListener(nullptr);
}

TEST_F(LeveldbBackendTest, TheDirectoryIsHeldByOne) {
  ASSERT_TRUE(Open().ok());
  const auto second = LeveldbBackend::Open({.directory = kFolder, .files = &files_}).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable) << second;
}

}  // namespace
}  // namespace pintle::server::storage

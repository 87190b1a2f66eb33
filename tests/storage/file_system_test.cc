// What file_system.h promises, on the real disk and on the one that stands in for it.
#include "server/storage/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "server/storage/fatal.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      std::string pattern = ::testing::TempDir() + "/pintle_files_XXXXXX";
      ASSERT_NE(mkdtemp(pattern.data()), nullptr);
      root_ = pattern;
      files_ = MakePosixFileSystem();
    } else {
      files_ = std::make_unique<MemoryFileSystem>();
      root_ = "/root";
      ASSERT_TRUE(files_->MakeFolder(root_).ok());
    }
  }
  void TearDown() override { EXPECT_TRUE(files_->RemoveFolder(root_).ok()); }

  void Write(const std::string& path, std::string_view text, uint64_t offset = 0) {
    auto file = files_->OpenForWrite(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->WriteAt(offset, std::span(&text, 1)).ok());
    ASSERT_TRUE((*file)->Sync().ok());
  }
  static absl::StatusCode Code(const absl::Status& status) { return status.code(); }

  std::unique_ptr<FileSystem> files_;
  std::string root_;
};

INSTANTIATE_TEST_SUITE_P(Disks, FileSystemTest, ::testing::Bool(),
                         [](const auto& disk) { return disk.param ? "Posix" : "Memory"; });

TEST_P(FileSystemTest, WritesReadBackAndHolesAreZeros) {
  const std::string path = root_ + "/file";
  Write(path, "head");
  Write(path, "tail", 8);
  EXPECT_EQ(*files_->ReadWhole(path), std::string("head\0\0\0\0tail", 12));
  EXPECT_EQ(*files_->FileSize(path), 12U);
  auto file = *files_->OpenForRead(path);
  EXPECT_EQ(*file->Size(), 12U);
  std::string out(8, '?');
  EXPECT_EQ(*file->ReadAt(8, 8, out.data()), 4U) << "the end of the file";
  EXPECT_EQ(out, "tail????");
  EXPECT_EQ(*file->ReadAt(100, 8, out.data()), 0U);
  const std::string_view pieces[] = {"x", "", "yz"};
  EXPECT_EQ(Code(file->WriteAt(0, pieces)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Code(file->Truncate(0)), absl::StatusCode::kFailedPrecondition);
  auto writable = *files_->OpenForWrite(path);
  EXPECT_TRUE(writable->WriteAt(1, pieces).ok());
  EXPECT_TRUE(writable->Truncate(6).ok());
  EXPECT_EQ(*files_->ReadWhole(path), std::string("hxyz\0\0", 6));
  EXPECT_TRUE(writable->Truncate(7).ok());
  EXPECT_EQ(*writable->Size(), 7U);
}

TEST_P(FileSystemTest, WhatIsNotThereIsNotFound) {
  const std::string path = root_ + "/none";
  EXPECT_EQ(Code(files_->OpenForRead(path).status()), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->ReadWhole(path).status()), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->FileSize(path).status()), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->Remove(path)), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->Rename(path, path + "2")), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->List(path).status()), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->SyncFolder(path)), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->MakeFolder(path + "/below")), absl::StatusCode::kNotFound);
  EXPECT_EQ(Code(files_->OpenForWrite(path + "/below").status()), absl::StatusCode::kNotFound);
  EXPECT_TRUE(files_->RemoveFolder(path).ok());
  EXPECT_FALSE(files_->Exists(path));
}

TEST_P(FileSystemTest, FoldersListWhatIsInThem) {
  ASSERT_TRUE(files_->MakeFolder(root_ + "/b").ok());
  ASSERT_TRUE(files_->MakeFolder(root_ + "/b").ok()) << "again";
  ASSERT_TRUE(files_->MakeFolder(root_ + "/b/deep").ok());
  Write(root_ + "/b/deep/file", "1");
  Write(root_ + "/a", "2");
  Write(root_ + "/c", "3");
  EXPECT_THAT(*files_->List(root_), ElementsAre("a", "b", "c"));
  EXPECT_EQ(Code(files_->MakeFolder(root_ + "/a")), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(files_->SyncFolder(root_).ok());
  EXPECT_TRUE(files_->RemoveFolder(root_ + "/b").ok());
  EXPECT_THAT(*files_->List(root_), ElementsAre("a", "c"));
  ASSERT_TRUE(files_->Rename(root_ + "/a", root_ + "/c").ok());
  EXPECT_EQ(*files_->ReadWhole(root_ + "/c"), "2");
  EXPECT_THAT(*files_->List(root_), ElementsAre("c"));
}

TEST_P(FileSystemTest, AnOpenFileOutlivesItsName) {
  Write(root_ + "/file", "still here");
  auto file = *files_->OpenForRead(root_ + "/file");
  ASSERT_TRUE(files_->Remove(root_ + "/file").ok());
  std::string out(10, '?');
  EXPECT_EQ(*file->ReadAt(0, out.size(), out.data()), 10U);
  EXPECT_EQ(out, "still here");
}

TEST_P(FileSystemTest, ALockIsHeldByOne) {
  {
    auto first = files_->Lock(root_ + "/lock");
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = files_->Lock(root_ + "/lock").status();
    EXPECT_EQ(Code(second), absl::StatusCode::kFailedPrecondition);
    const std::string holder = GetParam() ? "held by process " + std::to_string(getpid())
                                          : std::string("held by this process");
    EXPECT_THAT(std::string(second.message()), HasSubstr(holder));
  }
  EXPECT_TRUE(files_->Lock(root_ + "/lock").ok());
}

TEST_P(FileSystemTest, SaysHowMuchRoomIsLeft) { EXPECT_GT(*files_->FreeBytes(root_), 0U); }

// A device that is always full, wherever there is one.
TEST(PosixFileSystem, AFullDiskIsResourceExhausted) {
  const auto files = MakePosixFileSystem();
  auto full = files->OpenForWrite("/dev/full");
  if (!full.ok()) GTEST_SKIP() << full.status();
  const std::string_view piece = "x";
  EXPECT_EQ((*full)->WriteAt(0, std::span(&piece, 1)).code(), absl::StatusCode::kResourceExhausted);
}

// That device cannot be synced, which shows whether somebody tries.
TEST(PosixFileSystem, SyncsUnlessItIsNeverTo) {
  for (const Syncs syncs : {Syncs::kAsAsked, Syncs::kNever}) {
    const auto file = MakePosixFileSystem(syncs)->OpenForWrite("/dev/full");
    if (!file.ok()) GTEST_SKIP() << file.status();
    EXPECT_EQ((*file)->Sync().ok(), syncs == Syncs::kNever);
  }
}

std::string the_text;

TEST(Fatal, TellsItsListenerAndReturns) {
  SetFatalListener([](std::string_view text) { the_text = text; });
  EXPECT_TRUE(DieUnlessOk(absl::OkStatus(), "writing"));
  EXPECT_EQ(the_text, "");
  EXPECT_FALSE(DieUnlessOk(absl::InternalError("disk on fire"), "writing the log"));
  EXPECT_EQ(the_text, "writing the log failed, stopping: disk on fire");
  SetFatalListener(nullptr);
}

TEST(FatalDeathTest, EndsTheProcess) {
  EXPECT_EXIT(DieUnlessOk(absl::InternalError("disk on fire"), "writing the log"),
              ::testing::ExitedWithCode(1), "writing the log failed, stopping: disk on fire");
}

}  // namespace
}  // namespace pintle::server::storage

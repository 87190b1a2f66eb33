#include "server/storage/log_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "server/storage/data_dir.h"
#include "server/storage/wal.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1};
constexpr DataDirId kFresh{.high = 0x1111222233334444, .low = 0x5555666677778888};

// A start, as Member makes it: the data-dir, then its log.
class LogPlaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "pintle_log_place_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  absl::Status Start(const std::string& wal_dir, const std::string& data = "data",
                     DataDirId fresh = kFresh) {
    const auto dir = DataDir::Claim(*files_, root_ + "/" + data, kIdentity, fresh,
                                    wal_dir.empty() ? "" : root_ + "/" + wal_dir);
    if (!dir.ok()) return dir.status();
    contents_ = {};
    return Wal::Open(*files_, (*dir)->log_folder(), (*dir)->identity(),
                     {.witness_path = (*dir)->witness_path(), .prepare_inline = true}, contents_)
        .status();
  }
  // It is refused in those words, and makes nothing.
  void Refused(const std::string& wal_dir, const std::string& words,
               const std::string& data = "data", DataDirId fresh = kFresh) {
    const bool there = fs::exists(root_ + "/" + wal_dir);
    const absl::Status started = Start(wal_dir, data, fresh);
    EXPECT_EQ(started.code(), absl::StatusCode::kFailedPrecondition) << started;
    EXPECT_THAT(std::string(started.message()), HasSubstr(words));
    EXPECT_EQ(fs::exists(root_ + "/" + wal_dir), there);
  }
  // All of its files, as an operator does it.
  void Move(const std::string& from, const std::string& to) {
    fs::create_directories(root_ + "/" + to);
    for (const auto& entry : fs::directory_iterator(root_ + "/" + from)) {
      fs::rename(entry.path(), fs::path(root_ + "/" + to) / entry.path().filename());
    }
  }
  bool HasLog(const std::string& folder) {
    return fs::exists(root_ + "/" + folder + "/0000000000000001.wal");
  }

  std::string root_;
  WalContents contents_;
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
};

TEST_F(LogPlaceTest, TheLogLiesWhereItIsTold) {
  ASSERT_TRUE(Start("fast/wal").ok());
  EXPECT_TRUE(HasLog("fast/wal"));
  EXPECT_FALSE(fs::exists(root_ + "/data/member/log"));
  EXPECT_TRUE(fs::exists(root_ + "/data/member/log.witness"));
  EXPECT_EQ(*LogFolderOf(*files_, root_ + "/data"), root_ + "/fast/wal");
  // However it is spelled.
  EXPECT_TRUE(Start("fast/../fast/./wal//").ok());
  EXPECT_FALSE(contents_.damaged);
}

TEST_F(LogPlaceTest, TheNoteIsWhatTheDocumentSays) {
  LogPlace place(*files_, root_ + "/member", "/wal");
  ASSERT_TRUE(files_->MakeFolder(root_ + "/member").ok());
  EXPECT_FALSE(place.IsWithin("/wa"));
  EXPECT_TRUE(place.IsWithin("/wal"));
  std::ofstream(root_ + "/member/log.place") << "/wal\ncrc32c 04acc2c5\n";
  EXPECT_EQ(*LogFolderOf(*files_, root_), "/wal");
}

// An empty log where there was one would be a member that has forgotten its votes.
TEST_F(LogPlaceTest, AnotherFolderThanItsOwnIsRefused) {
  ASSERT_TRUE(Start("wal").ok());
  Refused("", "give --wal-dir=" + root_ + "/wal");
  Refused("other", "give --wal-dir=" + root_ + "/wal");
  ASSERT_TRUE(Start("", "plain").ok());
  Refused("other", "leave --wal-dir out", "plain");
  // What is there instead of the data-dir's own means nothing.
  ASSERT_TRUE(Start("third", "third-data", {.high = 3, .low = 3}).ok());
  Refused("third", "give --wal-dir=" + root_ + "/wal");
  EXPECT_TRUE(Start("wal").ok());
  EXPECT_TRUE(Start("", "plain").ok());
}

TEST_F(LogPlaceTest, ADiskThatIsNotMountedIsRefused) {
  ASSERT_TRUE(Start("wal").ok());
  fs::rename(root_ + "/wal", root_ + "/away");
  Refused("wal", "is its disk mounted?");
  fs::create_directory(root_ + "/wal");
  Refused("wal", "is its disk mounted?");
  fs::remove(root_ + "/wal");
  fs::rename(root_ + "/away", root_ + "/wal");
  EXPECT_TRUE(Start("wal").ok());
  EXPECT_FALSE(contents_.damaged);
}

TEST_F(LogPlaceTest, MovedFilesAreFollowed) {
  ASSERT_TRUE(Start("").ok());
  Move("data/member/log", "wal");
  ASSERT_TRUE(Start("wal").ok());
  EXPECT_FALSE(contents_.created || contents_.damaged);
  Move("wal", "wal2");
  ASSERT_TRUE(Start("wal2").ok());
  Refused("wal", "give --wal-dir=" + root_ + "/wal2");
  Move("wal2", "data/member/log");
  ASSERT_TRUE(Start("").ok());
  EXPECT_FALSE(contents_.created || contents_.damaged);
  EXPECT_FALSE(fs::exists(root_ + "/data/member/log.place"));
  Refused("wal2", "leave --wal-dir out");
}

// Which of the two is the newer one is not for us to guess.
TEST_F(LogPlaceTest, ACopyBesideTheLogIsRefused) {
  ASSERT_TRUE(Start("wal").ok());
  fs::copy(root_ + "/wal", root_ + "/copy");
  Refused("copy", "give --wal-dir=" + root_ + "/wal");
}

TEST_F(LogPlaceTest, ADamagedNoteIsMendedByTheRightFlag) {
  ASSERT_TRUE(Start("wal").ok());
  const std::string note = root_ + "/data/member/log.place";
  const std::string good = *files_->ReadWhole(note);
  std::ofstream(note) << "nonsense";
  EXPECT_EQ(LogFolderOf(*files_, root_ + "/data").status().code(), absl::StatusCode::kDataLoss);
  Refused("", "give the --wal-dir");
  Refused("other", "give the --wal-dir");
  ASSERT_TRUE(Start("wal").ok());
  EXPECT_EQ(*files_->ReadWhole(note), good);
}

TEST_F(LogPlaceTest, ANewLogWantsAnEmptyFolder) {
  fs::create_directories(root_ + "/wal/lost+found");
  std::ofstream(root_ + "/wal/0-0.wal") << "etcd's";
  Refused("wal", "--wal-dir=" + root_ + "/wal is not empty (0-0.wal)");
  fs::remove(root_ + "/wal/0-0.wal");
  EXPECT_TRUE(Start("wal").ok());
  Refused("wal", "is not empty", "second");
}

TEST_F(LogPlaceTest, OneFolderIsForOneMember) {
  const auto held = DataDir::Claim(*files_, root_ + "/a", kIdentity, kFresh, root_ + "/wal");
  ASSERT_TRUE(held.ok()) << held.status();
  Refused("wal", "in use by another process", "b");
}

// Whether the disk for it is mounted in the data-dir, or below it.
TEST_F(LogPlaceTest, MayLieInTheDataDir) {
  for (const std::string place : {"wal", "member/wal", "member/log"}) {
    const std::string data = "data-" + std::to_string(place.size()) + place.back();
    fs::create_directories(root_ + "/" + data + "/" + place);
    for (int i = 0; i < 2; ++i) {
      const absl::Status started = Start(data + "/" + place, data);
      ASSERT_TRUE(started.ok()) << started;
    }
    EXPECT_TRUE(HasLog(data + "/" + place));
  }
  EXPECT_TRUE(Start("", "data-10g").ok());
  fs::create_directories(root_ + "/mounted/member/log/lost+found");
  EXPECT_TRUE(Start("", "mounted").ok());
  fs::create_directories(root_ + "/foreign/member/log/letters");
  Refused("", "(member)", "foreign");
}

// A first start that ended before there was a log binds nobody.
TEST_F(LogPlaceTest, BeforeTheFirstLogAnyFolderWillDo) {
  ASSERT_TRUE(DataDir::Claim(*files_, root_ + "/data", kIdentity, kFresh, root_ + "/wrong").ok());
  ASSERT_TRUE(Start("right").ok());
  Refused("wrong", "give --wal-dir=" + root_ + "/right");
}

}  // namespace
}  // namespace pintle::server::storage

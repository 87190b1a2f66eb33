#include "server/storage/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "server/storage/wal.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1};

class DataDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/pintle_data_dir_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  absl::Status Claim(const std::string& path, WalIdentity identity = kIdentity) {
    return DataDir::Claim(*files_, path, identity).status();
  }
  // All paths below, to see that nothing was touched.
  std::vector<std::string> Tree(const std::string& path) {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  std::string root_;
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
};

TEST_F(DataDirTest, IsMadeAndHeldByOne) {
  const std::string path = root_ + "/deep/er/data";
  {
    auto dir = DataDir::Claim(*files_, path, kIdentity);
    ASSERT_TRUE(dir.ok()) << dir.status();
    EXPECT_EQ((*dir)->log_folder(), path + "/member/log");
    const auto second = Claim(path);
    EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(second.message()), HasSubstr("in use by another process"));
  }
  EXPECT_TRUE(Claim(path).ok());
}

TEST_F(DataDirTest, AFirstStartThatWasCutShortIsTakenUpAgain) {
  const std::string path = root_ + "/data";
  std::filesystem::create_directories(path + "/member");
  EXPECT_TRUE(Claim(path).ok());
  std::filesystem::remove_all(path);
  Write(path + "/member/identity.tmp", "pint");
  EXPECT_TRUE(Claim(path).ok());
}

TEST_F(DataDirTest, AnotherMembersIsRefused) {
  const std::string path = root_ + "/data";
  ASSERT_TRUE(Claim(path).ok());
  for (const WalIdentity other : {WalIdentity{0xc1, 0xb1}, WalIdentity{0xc2, 0xa1}}) {
    const auto claimed = Claim(path, other);
    EXPECT_EQ(claimed.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(claimed.message()), HasSubstr("another member"));
  }
  EXPECT_TRUE(Claim(path).ok());
}

TEST_F(DataDirTest, EtcdsIsRefusedAndLeftAlone) {
  const std::string path = root_ + "/etcd";
  Write(path + "/member/snap/db", "bolt");
  Write(path + "/member/wal/0.wal", "wal");
  const auto before = Tree(path);
  const auto claimed = Claim(path);
  EXPECT_EQ(claimed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(claimed.message()), HasSubstr("etcd"));
  EXPECT_EQ(Tree(path), before);
}

TEST_F(DataDirTest, ForeignFilesAreRefusedAndLeftAlone) {
  const std::string path = root_ + "/home";
  Write(path + "/letters.txt", "dear");
  const auto before = Tree(path);
  const auto claimed = Claim(path);
  EXPECT_EQ(claimed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(claimed.message()), HasSubstr("letters.txt"));
  EXPECT_EQ(Tree(path), before);
}

TEST_F(DataDirTest, AFreshFileSystemsOwnFolderIsNotForeign) {
  std::filesystem::create_directories(root_ + "/disk/lost+found");
  EXPECT_TRUE(Claim(root_ + "/disk").ok());
}

TEST_F(DataDirTest, AFileInItsPlaceIsRefused) {
  Write(root_ + "/file", "x");
  EXPECT_FALSE(Claim(root_ + "/file").ok());
}

// The log on a real file system: rotation, reopening, preparation of segments.
TEST_F(DataDirTest, TheLogWorksOnDisk) {
  const WalOptions options{.first_segment_bytes = 4096, .largest_segment_bytes = 16384};
  for (uint64_t round = 0; round < 4; ++round) {
    WalContents contents;
    auto wal = Wal::Open(*files_, root_ + "/log", kIdentity, options, contents);
    ASSERT_TRUE(wal.ok()) << wal.status();
    ASSERT_EQ(contents.entries.size(), round * 10);
    for (uint64_t i = 1; i <= 10; ++i) {
      const raft::Entry entry{{raft::Term(1), raft::Index(round * 10 + i)},
                              raft::EntryKind::kNormal,
                              std::make_shared<const std::string>(std::string(1500, 'd'))};
      ASSERT_TRUE((*wal)->Append(std::nullopt, std::span(&entry, 1), true).ok());
    }
  }
}

}  // namespace
}  // namespace pintle::server::storage

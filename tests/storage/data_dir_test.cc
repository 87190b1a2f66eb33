#include "server/storage/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "server/storage/wal.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::storage {
namespace {

using ::testing::HasSubstr;

constexpr WalIdentity kIdentity{.cluster_id = 0xc1, .member_id = 0xa1};
constexpr DataDirId kFresh{.high = 0x1111222233334444, .low = 0x5555666677778888};

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
    return DataDir::Claim(*files_, path, identity, kFresh).status();
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
    auto dir = DataDir::Claim(*files_, path, kIdentity, kFresh);
    ASSERT_TRUE(dir.ok()) << dir.status();
    EXPECT_EQ((*dir)->log_folder(), path + "/member/log");
    const auto second = Claim(path);
    EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(second.message()), HasSubstr("in use by another process"));
    EXPECT_THAT(std::string(second.message()), HasSubstr("process " + std::to_string(getpid())));
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

TEST_F(DataDirTest, ALogThatIsGoneWithItsWitnessIsRefused) {
  const std::string path = root_ + "/data";
  {
    auto dir = DataDir::Claim(*files_, path, kIdentity, kFresh);
    ASSERT_TRUE(dir.ok()) << dir.status();
    WalContents contents;
    ASSERT_TRUE(Wal::Open(*files_, (*dir)->log_folder(), (*dir)->identity(), {}, contents).ok());
  }
  std::filesystem::remove(path + "/member/log.witness");
  EXPECT_TRUE(Claim(path).ok()) << "the log is there";
  std::filesystem::remove_all(path + "/member/log");
  const absl::Status claimed = Claim(path);
  EXPECT_EQ(claimed.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(claimed.message()), HasSubstr("log.witness"));
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
  EXPECT_THAT(std::string(claimed.message()), HasSubstr("not Pintle's (member)"));
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

// The bytes of docs/formats/data-dir.md.
TEST_F(DataDirTest, GoldenFiles) {
  const std::string path = root_ + "/data";
  ASSERT_TRUE(Claim(path).ok());
  const std::string identity =
      "pintle data-dir\nformat 2\ncluster c1\nmember a1\n"
      "id 11112222333344445555666677778888\ncrc32c 27b22677\n";
  EXPECT_EQ(*files_->ReadWhole(path + "/member/identity"), identity);
  EXPECT_EQ(*files_->ReadWhole(path + "/member/identity.copy"), identity);
  EXPECT_EQ(*files_->ReadWhole(path + "/member/store"), "store-1\ncrc32c 046b60b4\n");
}

TEST_F(DataDirTest, TheIdIsDrawnOnce) {
  const std::string path = root_ + "/data";
  {
    auto dir = *DataDir::Claim(*files_, path, kIdentity, kFresh);
    EXPECT_TRUE(dir->created());
    EXPECT_EQ(dir->id(), kFresh);
    EXPECT_EQ(dir->identity().data_dir, kFresh.high);
  }
  auto dir = *DataDir::Claim(*files_, path, kIdentity, {.high = 1, .low = 2});
  EXPECT_FALSE(dir->created());
  EXPECT_EQ(dir->id(), kFresh);
}

// Any bit of one copy, or all of it: the other one is enough, and mends it. Of both: it is said.
TEST_F(DataDirTest, ADamagedIdentityIsMendedFromItsCopy) {
  const std::string path = root_ + "/data";
  ASSERT_TRUE(Claim(path).ok());
  const std::string paths[] = {path + "/member/identity", path + "/member/identity.copy"};
  const std::string good = *files_->ReadWhole(paths[0]);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    Write(paths[at % 2], damaged);
    ASSERT_TRUE(Claim(path).ok()) << at;
    ASSERT_EQ(*files_->ReadWhole(paths[at % 2]), good) << at;
  }
  ASSERT_TRUE(files_->Remove(paths[0]).ok());
  ASSERT_TRUE(Claim(path).ok());
  EXPECT_EQ(*files_->ReadWhole(paths[0]), good);
  Write(paths[0], "nonsense");
  Write(paths[1], "");
  EXPECT_EQ(Claim(path).code(), absl::StatusCode::kDataLoss);
}

TEST_F(DataDirTest, AnotherFormatIsRefused) {
  const std::string path = root_ + "/data";
  ASSERT_TRUE(Claim(path).ok());
  const std::string other = "pintle data-dir\nformat 3\ncrc32c 78ca846a\n";
  for (const std::string name : {"identity", "identity.copy"})
    Write(path + "/member/" + name, other);
  EXPECT_EQ(Claim(path).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DataDirTest, ADamagedPointerLeadsToTheLowestStore) {
  const std::string path = root_ + "/data";
  std::string folder;
  {
    auto dir = *DataDir::Claim(*files_, path, kIdentity, kFresh);
    ASSERT_TRUE(dir->NewStoreFolder().ok());
    ASSERT_TRUE(dir->UseNewStore().ok());
    folder = dir->store_folder();
    EXPECT_EQ(folder, path + "/member/store-2");
    ASSERT_TRUE(dir->NewStoreFolder().ok());
  }
  Write(path + "/member/store", "store-3\ncrc32c 12345678\n");
  auto dir = *DataDir::Claim(*files_, path, kIdentity, kFresh);
  EXPECT_EQ(dir->store_folder(), folder);
  EXPECT_FALSE(files_->Exists(path + "/member/store-3"));
}

// Power fails at each sync and write of a change of stores: the old one counts, whole, or the new.
TEST(DataDirCrashTest, AChangeOfStoresIsAllOrNothing) {
  int changed = 0;
  for (uint64_t calls = 0; calls < 5; ++calls) {
    MemoryFileSystem files;
    const auto put = [&](const std::string& file, std::string_view text) {
      auto opened = files.OpenForWrite(file);
      ASSERT_TRUE(opened.ok() && (*opened)->WriteAt(0, std::span(&text, 1)).ok());
      ASSERT_TRUE((*opened)->Sync().ok());
      ASSERT_TRUE(files.SyncFolder(file.substr(0, file.rfind('/'))).ok());
    };
    {
      auto dir = *DataDir::Claim(files, "/data", kIdentity, kFresh);
      ASSERT_TRUE(files.MakeFolder(dir->store_folder()).ok());
      put(dir->store_folder() + "/CURRENT", "old");
      const std::string folder = *dir->NewStoreFolder();
      put(folder + "/CURRENT", "new");
      files.FailWrites(calls / 2);
      files.FailSyncs((calls + 1) / 2);
      (void)dir->UseNewStore();
    }
    files.FailWrites(MemoryFileSystem::kNever);
    files.FailSyncs(MemoryFileSystem::kNever);
    files.Crash();
    auto dir = *DataDir::Claim(files, "/data", kIdentity, kFresh);
    const std::string found = *files.ReadWhole(dir->store_folder() + "/CURRENT");
    EXPECT_EQ(found, dir->store_folder() == "/data/member/store-2" ? "new" : "old");
    changed += found == "new" ? 1 : 0;
    EXPECT_FALSE(files.Exists("/data/member/store-" + std::string(found == "new" ? "1" : "2")));
  }
  EXPECT_GT(changed, 0);
  EXPECT_LT(changed, 5);
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

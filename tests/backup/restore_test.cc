// From a store to a snapshot file, and from the file to a data-dir: the same keys, revisions,
// history and leases; and a file that is damaged says so.
#include "server/backup/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kv/memory_backend.h"
#include "kv/record.h"
#include "kv/store.h"
#include "raft/membership.h"
#include "server/backup/etcd_export.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/etcd_snapshot.h"
#include "server/backup/sha256.h"
#include "server/backup/status_text.h"
#include "server/replica/member_list.h"
#include "server/storage/leveldb_backend.h"
#include "server/storage/wal.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::backup {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

const Progress kSilent = [](const char*, uint64_t, uint64_t) {};

// A store that has seen puts, deletes, leases and a compaction.
class Source {
 public:
  Source() : store_(*kv::Store::Open(backend_, {})) {
    store_->PutMeta(replica::kMembersMeta,
                    replica::EncodeMemberList(
                        {.members = {{.id = 7, .name = "old", .peer_urls = {"http://o:2380"}}}}));
    store_->PutMeta(replica::kConfStateMeta,
                    raft::EncodeConfChange({.voters = {raft::MemberId(7)}}, {}));
    Grant(-5);
    Grant(77);
  }

  void Fill(unsigned seed, int changes) {
    std::mt19937 random(seed);
    for (int i = 0; i < changes; ++i) {
      const std::string key = "k" + std::to_string(random() % 50);
      if (random() % 4 == 0) {
        Apply(kv::DeleteRangeRequest{.range = {key, ""}});
      } else {
        kv::PutRequest put{.key = key, .value = std::string(random() % 300, 'v')};
        if (random() % 5 == 0) put.lease = kv::LeaseId(random() % 2 == 0 ? -5 : 77);
        Apply(put);
      }
    }
    Write();
  }
  void Compact(int64_t revision) {
    Apply(kv::CompactRequest{.revision = revision});
    Write();
    while (*store_->CompactSlice()) {
    }
  }

  std::string File() {
    EtcdExport file(store_->NewSnapshot());
    while (*file.Measure()) {
    }
    std::string bytes;
    for (std::string piece = *file.Next(); !piece.empty(); piece = *file.Next()) bytes += piece;
    EXPECT_EQ(bytes.size(), file.total_bytes());
    Sha256 hash;
    hash.Add(bytes);
    return bytes + hash.Finish();
  }
  const kv::Store& store() const { return *store_; }
  const kv::Backend& backend() const { return backend_; }

 private:
  void Grant(int64_t id) {
    Apply(kv::LeaseGrantRequest{.id = kv::LeaseId(id), .ttl_seconds = 600});
    Write();
  }
  void Apply(const kv::Command& command) {
    ASSERT_TRUE(store_->Apply(command).result.ok());
    store_->EndEntry(kv::Sequence(++index_), 3);
  }
  void Write() {
    ASSERT_TRUE(store_->Write(kv::Sequence(++index_), 3).ok());
    store_->Publish();
  }

  kv::MemoryBackend backend_;
  std::unique_ptr<kv::Store> store_;
  uint64_t index_ = 0;
};

Records Scan(const kv::BackendReader& content, const std::string& first, const std::string& last) {
  Records records;
  EXPECT_TRUE(content
                  .Scan(first, last,
                        [&](std::string_view key, std::string_view value) {
                          records.emplace_back(key, value);
                          return true;
                        })
                  .ok());
  return records;
}
Records KeysOf(const kv::BackendReader& content) {
  return Scan(content, kv::FirstRecordKey(0), kv::FirstRecordKey(-1));
}
Records LeasesOf(const kv::BackendReader& content) {
  return Scan(content, kv::FirstLeaseKey(), kv::EndOfLeaseKeys());
}

class RestoreTest : public testing::Test {
 protected:
  RestoreTest() {
    std::string path = testing::TempDir() + "pintle-restore-XXXXXX";
    folder_ = mkdtemp(path.data());
  }
  ~RestoreTest() override { std::filesystem::remove_all(folder_); }

  std::string Keep(const std::string& bytes) {
    const std::string path = folder_ + "/snapshot.db";
    const auto file = *files_->OpenForWrite(path);
    EXPECT_TRUE(file->Truncate(0).ok());
    const std::string_view piece = bytes;
    EXPECT_TRUE(file->WriteAt(0, std::span(&piece, 1)).ok());
    return path;
  }
  RestoreOptions Options(uint64_t member = 1) const {
    return {
        .data_dir = folder_ + "/m" + std::to_string(member),
        .cluster_id = 9,
        .member_id = member,
        .members = {{.id = 1, .peer_urls = {"http://a:1"}}, {.id = 2, .peer_urls = {"http://b:1"}}},
        .data_dir_id = {.high = member, .low = 5}};
  }
  absl::StatusOr<Restored> RestoreFile(const std::string& bytes, const RestoreOptions& options,
                                       HashCheck check = HashCheck::kRequired) {
    const auto snapshot = EtcdSnapshot::Open(*files_, Keep(bytes), check, kSilent);
    if (!snapshot.ok()) return snapshot.status();
    return Restore(*files_, **snapshot, options, kSilent);
  }
  std::shared_ptr<kv::Backend> OpenStore(const RestoreOptions& options) {
    return *storage::LeveldbBackend::Open({.directory = options.data_dir + "/member/store-1"});
  }

  const std::unique_ptr<storage::FileSystem> files_ = storage::MakePosixFileSystem();
  std::string folder_;
};

TEST_F(RestoreTest, TakesOverKeysRevisionsHistoryAndLeases) {
  for (const bool compacted : {false, true}) {
    Source source;
    source.Fill(1, 400);
    if (compacted) source.Compact(200);
    source.Fill(2, 100);
    RestoreOptions options = Options(compacted ? 2 : 1);
    const auto restored = RestoreFile(source.File(), options);
    ASSERT_TRUE(restored.ok()) << restored.status();
    EXPECT_EQ(restored->revision, source.store().view()->revision());
    EXPECT_EQ(restored->leases, 2);

    const auto backend = OpenStore(options);
    EXPECT_EQ(KeysOf(*backend), KeysOf(source.backend()));
    EXPECT_EQ(LeasesOf(*backend), LeasesOf(source.backend()));
    const auto store = *kv::Store::Open(backend, {});
    EXPECT_EQ(store->view()->revision(), source.store().view()->revision());
    EXPECT_EQ(store->view()->compact_revision(), source.store().view()->compact_revision());
    EXPECT_EQ(store->view()->LeaseKeys(kv::LeaseId(77)),
              source.store().view()->LeaseKeys(kv::LeaseId(77)));
    EXPECT_EQ(store->sequence(), kv::Sequence(1));
    EXPECT_NE(store->hash(), 0U);
  }
}

// The members of the new cluster are those that were named, with an empty log behind the store.
TEST_F(RestoreTest, MakesTheSameStoreForEveryMember) {
  Source source;
  source.Fill(3, 100);
  const std::string file = source.File();
  std::vector<Records> contents;
  for (const uint64_t member : {1, 2}) {
    const RestoreOptions options = Options(member);
    ASSERT_TRUE(RestoreFile(file, options).ok());
    contents.push_back(Scan(*OpenStore(options), "", std::string(4, '\xff')));
    const auto store = *kv::Store::Open(OpenStore(options), {});
    replica::MemberList list;
    ASSERT_TRUE(replica::DecodeMemberList(*store->GetMeta(replica::kMembersMeta), list));
    ASSERT_EQ(list.members.size(), 2U);
    EXPECT_EQ(list.members[1].peer_urls.front(), "http://b:1");
    storage::WalContents log;
    const auto wal = storage::Wal::Open(*files_, options.data_dir + "/member/log",
                                        {9, member, member}, {.prepare_inline = true}, log);
    ASSERT_TRUE(wal.ok()) << wal.status();
    EXPECT_EQ(log.base, (raft::EntryId{raft::Term(1), raft::Index(1)}));
    EXPECT_TRUE(log.entries.empty());
    EXPECT_FALSE(log.damaged);
  }
  EXPECT_EQ(contents[0], contents[1]);
}

TEST_F(RestoreTest, PutsTheLogIntoAFolderOfItsOwn) {
  Source source;
  source.Fill(5, 50);
  const std::string file = source.File();
  RestoreOptions options = Options();
  options.wal_dir = folder_ + "/wal";
  ASSERT_TRUE(files_->MakeFolder(options.wal_dir).ok());
  const auto begun = [&] { return files_->Exists(options.wal_dir + "/0000000000000001.wal"); };
  // A damaged file leaves nothing.
  std::string damaged = file;
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_FALSE(RestoreFile(damaged, options, HashCheck::kSkipped).ok());
  EXPECT_TRUE(files_->List(options.wal_dir)->empty());
  ASSERT_TRUE(RestoreFile(file, options).ok());
  EXPECT_TRUE(begun());
  EXPECT_FALSE(files_->Exists(options.data_dir + "/member/log"));
  EXPECT_TRUE(storage::DataDir::Claim(*files_, options.data_dir, {9, 1}, {}, options.wal_dir).ok());
  // In the data-dir, too; and what is somebody else's is left alone.
  RestoreOptions within = Options(3);
  within.wal_dir = within.data_dir + "/wal";
  ASSERT_TRUE(RestoreFile(file, within).ok());
  EXPECT_EQ(*storage::LogFolderOf(*files_, within.data_dir), within.wal_dir);
  EXPECT_TRUE(files_->Exists(within.wal_dir + "/0000000000000001.wal"));
  const absl::Status second = [&] {
    RestoreOptions other = Options(2);
    other.wal_dir = options.wal_dir;
    return RestoreFile(file, other).status();
  }();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.message().find("wal-dir"), std::string::npos);
  EXPECT_TRUE(begun());
}

TEST_F(RestoreTest, BumpsTheRevisionAndRefusesOlderOnes) {
  Source source;
  source.Fill(4, 100);
  const int64_t before = source.store().view()->revision();
  RestoreOptions options = Options();
  options.bump_revision = 1000;
  options.mark_compacted = true;
  ASSERT_TRUE(RestoreFile(source.File(), options).ok());
  {
    const auto store = *kv::Store::Open(OpenStore(options), {});
    EXPECT_EQ(store->view()->revision(), before + 1000);
    EXPECT_EQ(store->view()->compact_revision(), before + 1000);
    kv::RangeRequest old{.range = {"k1", ""}, .revision = before};
    EXPECT_FALSE(store->view()->Range(old).ok());
  }
  // Again into a file, which has no record of that revision, and out of it.
  const auto backend = OpenStore(options);
  EtcdExport file(backend->NewSnapshot());
  while (*file.Measure()) {
  }
  std::string bytes;
  for (std::string piece = *file.Next(); !piece.empty(); piece = *file.Next()) bytes += piece;
  const RestoreOptions second = Options(2);
  const auto restored = RestoreFile(bytes, second, HashCheck::kSkipped);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->revision, before + 1000);
  EXPECT_EQ(KeysOf(*OpenStore(second)), KeysOf(*backend));
}

TEST_F(RestoreTest, RefusesAFileWithoutAHashUnlessToldTo) {
  Source source;
  const std::string file = source.File();
  const std::string without = file.substr(0, file.size() - Sha256::kBytes);
  EXPECT_THAT(std::string(RestoreFile(without, Options()).status().message()),
              testing::StartsWith("snapshot missing hash but --skip-hash-check=false"));
  EXPECT_FALSE(files_->Exists(Options().data_dir));
  EXPECT_TRUE(RestoreFile(without, Options(), HashCheck::kSkipped).ok());
}

TEST_F(RestoreTest, LeavesADataDirAloneThatIsNotEmpty) {
  Source source;
  const RestoreOptions options = Options();
  ASSERT_TRUE(files_->MakeFolder(options.data_dir).ok());
  ASSERT_TRUE(RestoreFile(source.File(), options).ok()) << "empty: taken";
  EXPECT_THAT(std::string(RestoreFile(source.File(), options).status().message()),
              testing::HasSubstr("not empty or could not be read"));
}

TEST_F(RestoreTest, StartsAnewWhereAnEarlierAttemptWasCutShort) {
  Source source;
  const RestoreOptions options = Options();
  const std::string unfinished = options.data_dir + ".restoring";
  ASSERT_TRUE(files_->MakeFolder(unfinished).ok());
  ASSERT_TRUE(files_->MakeFolder(unfinished + "/member").ok());
  ASSERT_TRUE(files_->OpenForWrite(unfinished + "/member/x").ok());
  ASSERT_TRUE(RestoreFile(source.File(), options).ok());
  EXPECT_FALSE(files_->Exists(unfinished));
  EXPECT_FALSE(files_->Exists(options.data_dir + "/member/x"));
}

TEST_F(RestoreTest, FindsEveryFlippedByteByTheHash) {
  Source source;
  source.Fill(5, 60);
  const std::string file = source.File();
  std::mt19937 random(1);
  for (size_t at = 0; at < file.size(); at += 1 + random() % 200) {
    std::string damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 + random() % 255));
    EXPECT_EQ(
        EtcdSnapshot::Open(*files_, Keep(damaged), HashCheck::kRequired, kSilent).status().code(),
        absl::StatusCode::kDataLoss)
        << at;
  }
}

// Without the hash a damaged file is refused, or restored to something; never more than that.
TEST_F(RestoreTest, SurvivesDamageThatNoHashFinds) {
  Source source;
  source.Fill(6, 60);
  const std::string file = source.File();
  std::mt19937 random(2);
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    std::string damaged = file;
    for (int flips = 0; flips < 5; ++flips)
      damaged[random() % file.size()] = static_cast<char>(random());
    if (RestoreFile(damaged, Options(), HashCheck::kSkipped).ok()) {
      std::filesystem::remove_all(Options().data_dir);
    } else {
      ++refused;
      EXPECT_FALSE(files_->Exists(Options().data_dir));
    }
    EXPECT_FALSE(files_->Exists(Options().data_dir + ".restoring"));
  }
  EXPECT_GT(refused, 0);
}

TEST_F(RestoreTest, StatusCountsEverything) {
  Source source;
  source.Fill(7, 20);
  const auto snapshot =
      EtcdSnapshot::Open(*files_, Keep(source.File()), HashCheck::kRequired, kSilent);
  ASSERT_TRUE(snapshot.ok());
  const auto status = StatusOf(**snapshot, kSilent);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->revision, source.store().view()->revision());
  // Records, two leases, one member; confState, index and term; whether authentication is on, and
  // its revision.
  EXPECT_EQ(status->total_keys,
            static_cast<int64_t>(KeysOf(source.backend()).size()) + 2 + 1 + 3 + 2);
}

TEST(StatusText, SaysBytesAsEtcdctlDoes) {
  EXPECT_EQ(HumanBytes(5), "5 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(20480), "20 kB");
  EXPECT_EQ(HumanBytes(2113536), "2.1 MB");
  EXPECT_EQ(HumanBytes(9990000), "10 MB");
}

}  // namespace
}  // namespace pintle::server::backup

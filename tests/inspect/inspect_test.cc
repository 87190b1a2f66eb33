// What `pintle inspect` says of intact and of damaged files, and that it leaves them alone.
#include "server/inspect/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "kv/store.h"
#include "server/backup/bolt_writer.h"
#include "server/backup/etcd_schema.h"
#include "server/backup/sha256.h"
#include "server/storage/data_dir.h"
#include "server/storage/leveldb_backend.h"
#include "server/storage/wal.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::inspect {
namespace {

using storage::MemoryFileSystem;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSegment = "/data/member/log/0000000000000001.wal";

class InspectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = storage::DataDir::Claim(files_, "/data", {.cluster_id = 0xc1, .member_id = 0xa1},
                                       {.high = 0xd1, .low = 2});
    ASSERT_TRUE(dir.ok()) << dir.status();
    WriteLog(**dir);
    WriteStore(**dir);
    held_ = *std::move(dir);  // a member that runs is no hindrance
  }

  void WriteLog(const storage::DataDir& dir) {
    storage::WalContents contents;
    auto wal = storage::Wal::Open(files_, dir.log_folder(), dir.identity(),
                                  {.first_segment_bytes = 8192,
                                   .largest_segment_bytes = 8192,
                                   .sector_bytes = 512,
                                   .witness_path = dir.witness_path(),
                                   .prepare_inline = true},
                                  contents);
    ASSERT_TRUE(wal.ok()) << wal.status();
    for (uint64_t index = 1; index <= 3; ++index) {
      const raft::Entry entry{
          {raft::Term(4), raft::Index(index)},
          index == 1 ? raft::EntryKind::kNoOp : raft::EntryKind::kNormal,
          std::make_shared<const std::string>("payload-" + std::to_string(index))};
      const raft::HardState state{raft::Term(4), raft::MemberId(0xa1), raft::Index(index - 1)};
      ASSERT_TRUE((*wal)->Append(state, std::span(&entry, 1), true).ok());
    }
  }

  void WriteStore(const storage::DataDir& dir) {
    auto backend =
        storage::LeveldbBackend::Open({.directory = dir.store_folder(), .files = &files_});
    ASSERT_TRUE(backend.ok()) << backend.status();
    auto store = kv::Store::Open(**backend, {});
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 30; ++i) {
      kv::PutRequest put;
      put.key = (i < 10 ? "low/" : "top/") + std::to_string(i);
      put.value = std::string(500, 'v');
      (*store)->Apply(put);
    }
    (*store)->EndEntry(kv::Sequence(3), 4);
    ASSERT_TRUE((*store)->Write(kv::Sequence(3), 4).ok());
    hash_ = (*store)->hash();
    ASSERT_NE(hash_, 0u);
  }

  std::string Wal(bool intact, InspectOptions options = {}, const std::string& path = "/data") {
    std::ostringstream out;
    const auto result = InspectWal(files_, path, options, out);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result.value_or(!intact), intact) << out.str();
    return out.str();
  }
  std::string Store(bool intact, InspectOptions options = {}) {
    std::ostringstream out;
    const auto result = InspectStore(files_, "/data", options, out);
    EXPECT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result.value_or(!intact), intact) << out.str();
    return out.str();
  }
  std::map<std::string, std::string> AllFiles() {
    std::map<std::string, std::string> all;
    for (const std::string folder : {"/data/member", "/data/member/log", "/data/member/store-1"}) {
      const auto names = files_.List(folder);
      for (const auto& name : names.value()) {
        if (auto bytes = files_.ReadWhole(folder + "/" + name); bytes.ok())
          all[folder + "/" + name] = *bytes;
      }
    }
    return all;
  }

  MemoryFileSystem files_;
  uint64_t hash_ = 0;  // the store's
  std::unique_ptr<storage::DataDir> held_;
};

TEST_F(InspectTest, ShowsTheLog) {
  const std::string text = Wal(true, {.entries = true});
  EXPECT_THAT(text, HasSubstr("log of member a1 in cluster c1"));
  EXPECT_THAT(text, HasSubstr("segment 1: 8192 bytes"));
  EXPECT_THAT(text, HasSubstr("write 3, "));
  EXPECT_THAT(text, HasSubstr("entry 1 (term 4), no-op, 9 bytes"));
  EXPECT_THAT(text, HasSubstr("entry 3 (term 4), normal, 9 bytes"));
  EXPECT_THAT(text, HasSubstr("3 entries to 3 (term 4), term 4, vote a1, commit 2"));
  EXPECT_THAT(Wal(true), Not(HasSubstr("entry 3")));
  EXPECT_THAT(Wal(true, {.entries = true}, kSegment), HasSubstr("entry 3 (term 4)"));
  EXPECT_THAT(Wal(true, {}, "/data/member/log"), HasSubstr("3 entries"));
}

TEST_F(InspectTest, FindsALogWithAFolderOfItsOwn) {
  auto dir = storage::DataDir::Claim(files_, "/apart", {.cluster_id = 0xc1, .member_id = 0xa2},
                                     {.high = 0xd2, .low = 2}, "/wal");
  ASSERT_TRUE(dir.ok()) << dir.status();
  WriteLog(**dir);
  const std::string text = Wal(true, {}, "/apart");
  EXPECT_THAT(text, HasSubstr("log of member a2"));
  EXPECT_THAT(text, HasSubstr("witness: segment 1, term 4"));
  EXPECT_THAT(Wal(true, {}, "/wal"), HasSubstr("3 entries"));
}

TEST_F(InspectTest, SaysWhereTheLogIsDamaged) {
  std::string bytes = *files_.ReadWhole(kSegment);
  const size_t at = bytes.find("payload-2");
  bytes[at] = 'P';
  files_.Plant(kSegment, bytes);
  const std::string text = Wal(false, {.entries = true});
  EXPECT_THAT(text, HasSubstr("entry 2 (term 4), normal, 9 bytes, NOT READABLE"));
  EXPECT_THAT(text, HasSubstr("DAMAGE in segment 1, bytes "));
  EXPECT_THAT(text, HasSubstr("1 entries to 1 (term 4)"));
  EXPECT_THAT(text, HasSubstr("vote floor 3 (term 4)"));
  EXPECT_THAT(text, HasSubstr("finding: DAMAGED, and it had been synced"));
  // Not even the head of the only segment: what is readable is shown all the same.
  bytes.replace(0, 40, 40, 'x');
  files_.Plant(kSegment, bytes);
  EXPECT_THAT(Wal(false), HasSubstr("the head of the segment is damaged"));
}

TEST_F(InspectTest, ShowsTheStore) {
  const std::string text = Store(true, {.limit = 12});
  EXPECT_THAT(text, HasSubstr("identity: intact"));
  EXPECT_THAT(text, HasSubstr("store /data/member/store-1"));
  EXPECT_THAT(text, HasSubstr(absl::StrFormat("raft index 3, term 4, hash chain %016x, revision 31",
                                              hash_)));
  EXPECT_THAT(text, HasSubstr("keys: 30, shown: 12"));
  EXPECT_THAT(text, HasSubstr("key low/0: created at revision 2, modified at 2, version 1, 500"));
  EXPECT_THAT(text, HasSubstr("records 'k': 30"));
  const std::string part = Store(true, {.limit = 0, .prefix = "low/"});
  EXPECT_THAT(part, HasSubstr("keys: 10, shown: 10"));
  EXPECT_THAT(part, Not(HasSubstr("key top/")));
}

TEST_F(InspectTest, SaysThatTheStoreIsDamaged) {
  const auto names = files_.List("/data/member/store-1");
  for (const auto& name : names.value()) {
    if (!name.ends_with(".ldb")) continue;
    const std::string path = "/data/member/store-1/" + name;
    std::string bytes = *files_.ReadWhole(path);
    bytes[100] = static_cast<char>(bytes[100] ^ 1);
    files_.Plant(path, bytes);
  }
  EXPECT_THAT(Store(false), HasSubstr("DAMAGE"));
  ASSERT_TRUE(files_.Remove("/data/member/store-1/CURRENT").ok());
  EXPECT_THAT(Store(false), HasSubstr("no CURRENT"));
}

TEST_F(InspectTest, ChangesNothing) {
  const auto before = AllFiles();
  ASSERT_GT(before.size(), 6U);
  const uint64_t writes = files_.writes();
  Wal(true);
  Store(true);
  EXPECT_EQ(AllFiles(), before);
  EXPECT_EQ(files_.writes(), writes);
}

TEST_F(InspectTest, WhatIsNotThereIsAnError) {
  std::ostringstream out;
  EXPECT_FALSE(InspectWal(files_, "/nowhere", {}, out).ok());
  EXPECT_FALSE(InspectStore(files_, "/nowhere", {}, out).ok());
}

// A snapshot file with one record, one lease, and its hash.
std::string SnapshotFile() {
  backup::BoltWriter writer;
  const auto bucket = [&writer](const char* name, const std::string& key,
                                const std::string& value) {
    writer.BeginBucket(name);
    EXPECT_TRUE(writer.Put(key, value).ok());
    writer.EndBucket();
  };
  const kv::KeyValueView pair{
      .key = "a", .value = "12345", .create_revision = 2, .mod_revision = 7, .version = 3};
  bucket("key", backup::EtcdRecordKey({.revision = {7, 1}}), kv::EncodeKeyValue(pair));
  bucket("lease", backup::BigEndian64(9), kv::EncodeLease({kv::LeaseId(9), 60}));
  writer.Finish();
  const std::string bytes = backup::BoltPreface(writer.meta()) + writer.TakePages();
  backup::Sha256 hash;
  hash.Add(bytes);
  return bytes + hash.Finish();
}

TEST_F(InspectTest, ShowsASnapshotFileAndWhatIsWrongWithIt) {
  std::string bytes = SnapshotFile();
  const auto keep = [this, &bytes] {
    const auto file = *files_.OpenForWrite("/data/file");
    const std::string_view piece = bytes;
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, std::span(&piece, 1)).ok());
  };
  keep();
  std::ostringstream out;
  EXPECT_EQ(InspectSnapshot(files_, "/data/file", {}, out).value_or(false), true);
  EXPECT_THAT(out.str(), HasSubstr("SHA-256 intact"));
  EXPECT_THAT(out.str(), HasSubstr("revision 7.1: put a, created at 2, version 3, 5 bytes"));
  EXPECT_THAT(out.str(), HasSubstr("lease 9: 60 s"));

  bytes[bytes.find("12345")] = '?';
  keep();
  out.str("");
  EXPECT_EQ(InspectSnapshot(files_, "/data/file", {}, out).value_or(true), false);
  EXPECT_THAT(out.str(), HasSubstr("SHA-256 WRONG"));
  EXPECT_THAT(out.str(), HasSubstr("revision 7.1: put a")) << "shown all the same";

  bytes = "no snapshot";
  keep();
  out.str("");
  EXPECT_EQ(InspectSnapshot(files_, "/data/file", {}, out).value_or(true), false);
  EXPECT_THAT(out.str(), HasSubstr("DAMAGE: "));
}

}  // namespace
}  // namespace pintle::server::inspect

// The store on LevelDB: what a crash leaves is a true prefix, and the rest can be replayed.
#include <gmock/gmock.h>
#include <leveldb/env.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/storage/leveldb_backend.h"
#include "server/storage/leveldb_env.h"
#include "tests/kv/store_fixture.h"

namespace pintle::kv::testing {
namespace {

using server::storage::LeveldbBackend;
using server::storage::LeveldbEnv;
using server::storage::LeveldbOptions;

class LeveldbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "pintle_leveldb_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<LeveldbBackend> OpenBackend(const std::string& name, bool flush_on_close,
                                              size_t write_buffer = size_t{64} << 10) {
    auto backend = LeveldbBackend::Open({.directory = directory_ + "/" + name,
                                         .write_buffer_bytes = write_buffer,
                                         .flush_on_close = flush_on_close});
    EXPECT_TRUE(backend.ok()) << backend.status();
    return backend.ok() ? *std::move(backend) : nullptr;
  }
  std::unique_ptr<Store> OpenStore(Backend& backend) {
    auto store = Store::Open(backend, {.value_cache_bytes = 1 << 16, .compaction_slice = 50});
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  std::string directory_;
};

Command RandomCommand(std::mt19937& random) {
  const std::string key = "/registry/pods/" + std::to_string(random() % 300);
  switch (random() % 10) {
    case 0:
      return DeleteOf({key});
    case 1:
      return DeleteOf({key, key + "~"});
    case 2:
      return LeaseGrantRequest{LeaseId(static_cast<int64_t>(random() % 40 + 1)), 60};
    case 3:
      return LeaseRevokeRequest{LeaseId(static_cast<int64_t>(random() % 40 + 1))};
    case 4:
      return CompactRequest{static_cast<int64_t>(random() % 2000)};
    default:
      return PutOf(key, std::string(200 + random() % 200, static_cast<char>('a' + random() % 26)),
                   random() % 4 == 0 ? static_cast<int64_t>(random() % 40 + 1) : 0);
  }
}

// One command per sequence number, several per batch.
void ApplyUpTo(Store& store, const std::vector<Command>& commands, size_t end) {
  size_t batch = 0;
  for (size_t i = store.sequence().value(); i < end; ++i) {
    store.Apply(commands[i]);
    if (++batch % 7 != 0 && i + 1 != end) continue;
    ASSERT_TRUE(store.Write(Sequence(i + 1), 1).ok());
    store.Publish();
    if (batch % 3 == 0) {
      ASSERT_TRUE(store.CompactSlice().ok());
    }
  }
}

std::string Everything(const Store& store) {
  const auto view = store.view();
  std::string text = Text(view->Range(RangeOf(All())));
  for (int64_t revision = std::max<int64_t>(view->compact_revision(), 1);
       revision <= view->revision(); revision += 97) {
    text += "\n" + std::to_string(revision) + ": " + Text(view->Range(RangeOf(All(), revision)));
  }
  auto history =
      view->Events(All(), std::max<int64_t>(view->compact_revision(), 1), size_t{1} << 30);
  EXPECT_TRUE(history.ok()) << history.status();
  for (const std::string& event : Text(history->events)) text += "\n" + event;
  for (const LeaseInfo& lease : view->Leases()) {
    text += "\nlease " + ToString(lease.id);
    for (const std::string& key : view->LeaseKeys(lease.id)) text += " " + key;
  }
  return text + "\ncompacted " + std::to_string(view->compact_revision());
}

TEST_F(LeveldbTest, ACrashLeavesAPrefixAndReplayRestoresTheRest) {
  std::mt19937 random(7);
  std::vector<Command> commands;
  for (int i = 0; i < 3000; ++i) commands.push_back(RandomCommand(random));
  MemoryBackend model_backend;
  auto model = OpenStore(model_backend);

  Sequence last_durable;
  for (size_t stop = 500; stop <= commands.size(); stop += 500) {
    Sequence durable;
    {
      auto backend = OpenBackend("db", /*flush_on_close=*/false);
      auto store = OpenStore(*backend);
      const Sequence found = store->sequence();
      EXPECT_GE(found, last_durable) << "what was durable is gone";
      EXPECT_GE(store->durable_sequence(), found);
      ApplyUpTo(*store, commands, stop);
      durable = store->durable_sequence();
      EXPECT_LE(durable, Sequence(stop));
    }  // dropped without a flush: the memtable is lost
    last_durable = durable;
    auto backend = OpenBackend("db", /*flush_on_close=*/false);
    auto store = OpenStore(*backend);
    EXPECT_GE(store->sequence(), durable);
    EXPECT_LT(store->sequence(), Sequence(stop)) << "nothing was lost: the test shows nothing";
    // What is there is what the model had at that very position.
    MemoryBackend prefix_backend;
    auto prefix = OpenStore(prefix_backend);
    ApplyUpTo(*prefix, commands, store->sequence().value());
    EXPECT_EQ(Everything(*store), Everything(*prefix));
    ApplyUpTo(*store, commands, stop);
    ApplyUpTo(*model, commands, stop);
    EXPECT_EQ(Everything(*store), Everything(*model));
  }
  EXPECT_GT(last_durable, Sequence(0));
}

TEST_F(LeveldbTest, ACopyOfTheRunningDirectoryIsAPrefix) {
  std::mt19937 random(8);
  std::vector<Command> commands;
  for (int i = 0; i < 1500; ++i) commands.push_back(RandomCommand(random));
  auto backend = OpenBackend("db", false);
  auto store = OpenStore(*backend);
  ApplyUpTo(*store, commands, commands.size());
  ASSERT_TRUE(backend->Flush().ok());
  const Sequence durable = store->durable_sequence();
  EXPECT_EQ(durable, Sequence(commands.size()));
  std::filesystem::copy(directory_ + "/db", directory_ + "/copy");
  auto copied = OpenBackend("copy", false);
  auto reopened = OpenStore(*copied);
  EXPECT_EQ(reopened->sequence(), durable);
  EXPECT_EQ(Everything(*reopened), Everything(*store));
}

TEST_F(LeveldbTest, ACleanCloseKeepsEverything) {
  {
    auto backend = OpenBackend("db", true);
    auto store = OpenStore(*backend);
    store->Apply(PutOf("k", "v"));
    ASSERT_TRUE(store->Write(Sequence(5), 1).ok());
    EXPECT_EQ(store->durable_sequence(), Sequence(0));
  }
  auto backend = OpenBackend("db", true);
  auto store = OpenStore(*backend);
  EXPECT_EQ(store->sequence(), Sequence(5));
  EXPECT_EQ(store->durable_sequence(), Sequence(5));
  EXPECT_EQ(Text(store->view()->Range(RangeOf({"k"}))), "range@2[k=v c2 m2 v1] of 1");
}

TEST_F(LeveldbTest, LogsStayEmpty) {
  auto backend = OpenBackend("db", false);
  auto store = OpenStore(*backend);
  store->Apply(PutOf("k", std::string(1000, 'v')));
  ASSERT_TRUE(store->Write(Sequence(1), 1).ok());
  size_t logs = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory_ + "/db")) {
    if (file.path().extension() != ".log") continue;
    ++logs;
    EXPECT_EQ(file.file_size(), 0u);
  }
  EXPECT_EQ(logs, 1u);
}

TEST_F(LeveldbTest, ASecondOpenOfTheDirectoryIsRefused) {
  auto backend = OpenBackend("db", false);
  const auto second = LeveldbBackend::Open({.directory = directory_ + "/db"});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST_F(LeveldbTest, DamagedTablesAreDataLoss) {
  {
    auto backend = OpenBackend("db", true);
    auto store = OpenStore(*backend);
    for (int i = 0; i < 200; ++i)
      store->Apply(PutOf("k" + std::to_string(i), std::string(300, 'v')));
    ASSERT_TRUE(store->Write(Sequence(200), 1).ok());
  }
  for (const auto& file : std::filesystem::directory_iterator(directory_ + "/db")) {
    if (file.path().extension() != ".ldb") continue;
    FILE* table = std::fopen(file.path().c_str(), "r+b");
    ASSERT_NE(table, nullptr);
    std::fseek(table, 500, SEEK_SET);
    std::fputs("damage", table);
    std::fclose(table);
  }
  auto backend = LeveldbBackend::Open({.directory = directory_ + "/db"});
  const absl::Status status = backend.ok() ? Store::Open(**backend, {}).status() : backend.status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(LeveldbTest, ALogsEndIsDurableWhenTheLogIsRemoved) {
  const auto files = server::storage::MakePosixFileSystem();
  LeveldbEnv env(*files, /*virtual_time=*/false);
  const auto start_log = [&](const char* name) {
    leveldb::WritableFile* file = nullptr;
    ASSERT_TRUE(env.NewWritableFile(directory_ + "/" + name, &file).ok());
    delete file;
  };
  start_log("000003.log");
  env.SetApplied(Sequence(10));
  start_log("000005.log");
  env.SetApplied(Sequence(20));
  EXPECT_EQ(env.durable_sequence(), Sequence(0));
  ASSERT_TRUE(env.RemoveFile(directory_ + "/000003.log").ok());
  EXPECT_EQ(env.durable_sequence(), Sequence(10));
  start_log("000009.log");
  env.SetApplied(Sequence(30));
  ASSERT_TRUE(env.RemoveFile(directory_ + "/000005.log").ok());
  EXPECT_EQ(env.durable_sequence(), Sequence(20));
}

}  // namespace
}  // namespace pintle::kv::testing

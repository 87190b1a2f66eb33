// How fast a member is back: its log read, its log applied again, its store opened. Files come from
// the page cache; the folders lie under TMPDIR (or /tmp).
//
//   recovery_bench --benchmark_filter=OpenLog      the log of that many puts, 64 in each write
//   recovery_bench --benchmark_filter=Replay       the same, and applied to an empty store
//   recovery_bench --benchmark_filter=OpenStore    a store of that many keys: tables to key index
//
// items = puts or keys; bytes = their keys and values (64 + 256).
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kv/store.h"
#include "server/storage/file_system.h"
#include "server/storage/leveldb_backend.h"
#include "server/storage/wal.h"

namespace pintle::server::storage {
namespace {

constexpr size_t kKeyBytes = 64;
constexpr size_t kValueBytes = 256;
constexpr uint64_t kPutsPerWrite = 64;
constexpr uint64_t kEntriesPerBatch = 100;

uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  return number ^ (number >> 27);
}

// Key and value, one behind the other: what an entry's payload is here.
std::string PutOf(uint64_t number) {
  char key[96];
  std::snprintf(key, sizeof(key), "/registry/pods/namespace-%02u/deployment-%016llx-%012llu",
                static_cast<unsigned>(number % 40), static_cast<unsigned long long>(Mix(number)),
                static_cast<unsigned long long>(number));
  std::string put(key);
  put.resize(kKeyBytes, '-');
  while (put.size() < kKeyBytes + kValueBytes) {
    const uint64_t word = Mix(number * 64 + put.size());
    put.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return put;
}

kv::PutRequest RequestOf(std::string_view put) {
  return {.key = std::string(put.substr(0, kKeyBytes)),
          .value = std::string(put.substr(kKeyBytes))};
}

void Count(benchmark::State& state) {
  const int64_t items = state.iterations() * state.range(0);
  state.SetItemsProcessed(items);
  state.SetBytesProcessed(items * static_cast<int64_t>(kKeyBytes + kValueBytes));
}

class Folder {
 public:
  Folder() {
    path_ = (std::filesystem::temp_directory_path() / "pintle_recovery_XXXXXX").string();
    PINTLE_CHECK(mkdtemp(path_.data()) != nullptr, "no folder to work in");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FilledLog {
 public:
  explicit FilledLog(uint64_t puts) {
    WalContents contents;
    const std::unique_ptr<Wal> wal = Open(contents);
    std::vector<raft::Entry> write;
    for (uint64_t index = 1; index <= puts; ++index) {
      write.push_back({{raft::Term(1), raft::Index(index)},
                       raft::EntryKind::kNormal,
                       std::make_shared<const std::string>(PutOf(index))});
      if (write.size() < kPutsPerWrite && index < puts) continue;
      PINTLE_CHECK(wal->Append(std::nullopt, write, /*sync=*/false).ok(), "writing the log");
      write.clear();
    }
  }
  std::unique_ptr<Wal> Open(WalContents& contents) {
    auto wal = Wal::Open(*files_, folder_.path() + "/log", {.cluster_id = 1, .member_id = 1}, {},
                         contents);
    PINTLE_CHECK(wal.ok(), wal.status().ToString());
    return *std::move(wal);
  }

 private:
  const std::unique_ptr<FileSystem> files_ = MakePosixFileSystem();
  Folder folder_;
};

std::shared_ptr<LeveldbBackend> OpenLeveldb(const Folder& folder) {
  auto backend = LeveldbBackend::Open({.directory = folder.path()});
  PINTLE_CHECK(backend.ok(), backend.status().ToString());
  return *std::move(backend);
}

std::unique_ptr<kv::Store> OpenStoreIn(const Folder& folder) {
  auto store = kv::Store::Open(OpenLeveldb(folder), {});
  PINTLE_CHECK(store.ok(), store.status().ToString());
  return *std::move(store);
}

// As apply does it: entries end one by one, written and published in batches.
class Filling {
 public:
  explicit Filling(kv::Store& store) : store_(store) {}
  void Put(std::string_view put) {
    benchmark::DoNotOptimize(store_.Apply(RequestOf(put)));
    store_.EndEntry(++position_, 1);
    if (position_.value() % kEntriesPerBatch == 0) Write();
  }
  void Write() {
    PINTLE_CHECK(store_.Write(position_, 1).ok(), "writing the store");
    store_.Publish();
  }

 private:
  kv::Store& store_;
  kv::Sequence position_;
};

void BM_OpenLog(benchmark::State& state) {
  FilledLog log(static_cast<uint64_t>(state.range(0)));
  for (auto _ : state) {
    WalContents contents;
    const std::unique_ptr<Wal> wal = log.Open(contents);
    PINTLE_CHECK(static_cast<int64_t>(contents.entries.size()) == state.range(0), "entries");
  }
  Count(state);
}

void BM_Replay(benchmark::State& state) {
  FilledLog log(static_cast<uint64_t>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    const Folder folder;
    std::unique_ptr<kv::Store> store = OpenStoreIn(folder);
    state.ResumeTiming();
    WalContents contents;
    std::unique_ptr<Wal> wal = log.Open(contents);
    Filling filling(*store);
    for (const raft::Entry& entry : contents.entries) filling.Put(entry.bytes());
    filling.Write();
    state.PauseTiming();
    store.reset();
    wal.reset();
    state.ResumeTiming();
  }
  Count(state);
}

void BM_OpenStore(benchmark::State& state) {
  const Folder folder;
  {
    const std::unique_ptr<kv::Store> store = OpenStoreIn(folder);
    Filling filling(*store);
    for (int64_t i = 1; i <= state.range(0); ++i) filling.Put(PutOf(static_cast<uint64_t>(i)));
    filling.Write();
  }
  for (auto _ : state) {
    std::unique_ptr<kv::Store> store = OpenStoreIn(folder);
    PINTLE_CHECK(store->sequence().value() == static_cast<uint64_t>(state.range(0)), "keys");
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
  }
  Count(state);
}

BENCHMARK(BM_OpenLog)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Replay)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_OpenStore)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace pintle::server::storage

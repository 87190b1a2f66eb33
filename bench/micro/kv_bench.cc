// The store alone: no log, no network. Keys of 64 bytes, values of 256 incompressible ones.
//
//   kv_bench --benchmark_filter=…      KV_BENCH_LEVELDB=<directory> puts the records on LevelDB
//   instead of into a map
//
// The time columns are per batch where the name says so; cpu_per_request is what it says.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "kv/content_hash.h"
#include "kv/memory_backend.h"
#include "kv/record.h"
#include "kv/store.h"
#include "server/storage/leveldb_backend.h"

namespace pintle::kv {
namespace {

constexpr int kBatch = 100;

// A number that looks random, the same in every run.
uint64_t Mix(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

std::string KeyOf(uint64_t number) {
  char key[80];
  std::snprintf(key, sizeof(key), "/registry/pods/namespace-%02u/deployment-%016llx-%010u",
                static_cast<unsigned>(Mix(number) % 40),
                static_cast<unsigned long long>(Mix(number)), static_cast<unsigned>(number));
  return std::string(key).substr(0, 64);
}

std::string ValueOf(uint64_t number) {
  std::string value;
  while (value.size() < 256) {
    const uint64_t word = Mix(number * 64 + value.size());
    value.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return value;
}

int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file == nullptr || std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * 4096;
}

// A store with keys 0 … size-1, made once per size.
class Filled {
 public:
  static Filled& Get(int64_t size) {
    static std::unique_ptr<Filled> filled;
    if (filled == nullptr || filled->size_ != size) {
      filled.reset();
      filled = std::make_unique<Filled>(size);
    }
    return *filled;
  }

  explicit Filled(int64_t size) : size_(size) {
    if (const char* directory = std::getenv("KV_BENCH_LEVELDB")) {
      std::filesystem::remove_all(directory);
      auto leveldb = server::storage::LeveldbBackend::Open({.directory = directory});
      PINTLE_CHECK(leveldb.ok(), leveldb.status().ToString());
      backend_ = *std::move(leveldb);
    } else {
      backend_ = std::make_unique<MemoryBackend>();
    }
    auto store = Store::Open(*backend_, {});
    PINTLE_CHECK(store.ok(), store.status().ToString());
    store_ = *std::move(store);
    for (int64_t i = 0; i < size; ++i) {
      store_->Apply(PutRequest{.key = KeyOf(static_cast<uint64_t>(i)),
                               .value = ValueOf(static_cast<uint64_t>(i))});
      if (i % kBatch == kBatch - 1) Finish();
    }
    Finish();
  }

  void Finish() {
    PINTLE_CHECK(store_->Write(++sequence_, 1).ok(), "write");
    store_->Publish();
  }
  Store& store() { return *store_; }
  Backend& backend() { return *backend_; }
  std::string RandomKey() { return KeyOf(Mix(++random_) % static_cast<uint64_t>(size_)); }
  uint64_t Fresh() { return ++random_; }

 private:
  const int64_t size_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Store> store_;
  Sequence sequence_;
  uint64_t random_ = 0;
};

void PerRequest(benchmark::State& state, int64_t requests) {
  state.SetItemsProcessed(requests);
  state.counters["cpu_per_request"] = benchmark::Counter(
      static_cast<double>(requests), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// What the process holds once the store is filled: memory of a MemoryBackend included, so ask on
// LevelDB.
void MemoryWhenFilled(benchmark::State& state) {
  Filled::Get(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(state.range(0));
  state.counters["rss_mb"] = static_cast<double>(ResidentBytes() >> 20);
}

void UpdateInBatchesOf100(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  std::vector<Command> commands(kBatch);
  for (auto _ : state) {
    state.PauseTiming();
    for (Command& command : commands) {
      command = PutRequest{.key = filled.RandomKey(), .value = ValueOf(filled.Fresh())};
    }
    state.ResumeTiming();
    for (const Command& command : commands) benchmark::DoNotOptimize(filled.store().Apply(command));
    filled.Finish();
  }
  PerRequest(state, state.iterations() * kBatch);
}

// The shape of a Kubernetes update: if mod_revision is what I read, put, else tell me what is
// there.
void KubernetesUpdateInBatchesOf100(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  std::vector<Command> commands(kBatch);
  for (auto _ : state) {
    state.PauseTiming();
    const auto view = filled.store().view();
    for (Command& command : commands) {
      const std::string key = filled.RandomKey();
      KeyValueView pair;
      const auto current = view->Range({.range = {key, ""}});
      ParseKeyValue(*current->kvs[0], pair);
      command = TxnRequest{.compares = {{.result = Compare::Result::kEqual,
                                         .target = Compare::Target::kMod,
                                         .range = {key, ""},
                                         .number = pair.mod_revision}},
                           .success = {PutRequest{.key = key, .value = ValueOf(filled.Fresh())}},
                           .failure = {RangeRequest{.range = {key, ""}}}};
    }
    state.ResumeTiming();
    for (const Command& command : commands) benchmark::DoNotOptimize(filled.store().Apply(command));
    filled.Finish();
  }
  PerRequest(state, state.iterations() * kBatch);
}

void PointRange(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  const auto view = filled.store().view();
  RangeRequest request;
  for (auto _ : state) {
    request.range.key = filled.RandomKey();
    benchmark::DoNotOptimize(view->Range(request));
  }
  PerRequest(state, state.iterations());
}

void RangeOf100(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  const auto view = filled.store().view();
  RangeRequest request{.range = {"", std::string(1, '\0')}, .limit = 100};
  for (auto _ : state) {
    request.range.key = filled.RandomKey();
    const auto result = view->Range(request);
    benchmark::DoNotOptimize(result->count);
  }
  PerRequest(state, state.iterations());
}

void CountAPrefix(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  const auto view = filled.store().view();
  const RangeRequest request{
      .range = {"/registry/pods/namespace-07/", "/registry/pods/namespace-070"},
      .count_only = true};
  for (auto _ : state) benchmark::DoNotOptimize(view->Range(request)->count);
  PerRequest(state, state.iterations());
}

// What comparing members costs: the chain over every entry, or (0) a store that has none. Run both
// in one go: --benchmark_filter=Chain --benchmark_enable_random_interleaving=true
// --benchmark_repetitions=9
void UpdateWithChain(benchmark::State& state) {
  MemoryBackend backend;
  if (state.range(0) == 0) {
    BackendBatch batch;
    batch.Put(StateKey(), EncodeState({.sequence = Sequence(1), .revision = 1, .term = 1}));
    PINTLE_CHECK(backend.Apply(batch).ok(), "a store without a chain");
  }
  auto store = Store::Open(backend, {});
  PINTLE_CHECK(store.ok(), store.status().ToString());
  Sequence sequence(1);
  std::vector<Command> commands(kBatch);
  uint64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (Command& command : commands) {
      ++number;
      command = PutRequest{.key = KeyOf(number % 10'000), .value = ValueOf(number)};
    }
    state.ResumeTiming();
    for (const Command& command : commands) {
      benchmark::DoNotOptimize((*store)->Apply(command));
      (*store)->EndEntry(++sequence, 1);
    }
    PINTLE_CHECK((*store)->Write(sequence, 1).ok(), "write");
    (*store)->Publish();
  }
  PINTLE_CHECK(((*store)->hash() != 0) == (state.range(0) != 0), "the chain");
  PerRequest(state, state.iterations() * kBatch);
}

// The CPU of a check of all content; in a member it reads at most 20 MB/s.
void CheckContent(benchmark::State& state) {
  Filled& filled = Filled::Get(state.range(0));
  for (auto _ : state) {
    ContentHash hash(filled.store().NewSnapshot());
    while (!hash.done()) PINTLE_CHECK(hash.Step(size_t{2} << 20).ok(), "the content");
    benchmark::DoNotOptimize(hash.hash());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0) * (64 + 256));
}

BENCHMARK(MemoryWhenFilled)->Arg(1'000'000);
BENCHMARK(UpdateInBatchesOf100)->Arg(1'000'000);
BENCHMARK(KubernetesUpdateInBatchesOf100)->Arg(1'000'000);
BENCHMARK(PointRange)->Arg(1'000'000);
BENCHMARK(RangeOf100)->Arg(1'000'000);
BENCHMARK(CountAPrefix)->Arg(1'000'000);
BENCHMARK(UpdateWithChain)->Arg(1)->Arg(0);
BENCHMARK(CheckContent)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pintle::kv

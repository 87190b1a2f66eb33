// The log's share of a write: how many puts one sync carries, and what a put costs in bytes.
//
//   wal_bench --benchmark_filter=Sync     batches of N puts on the disk that holds TMPDIR (or
//   /tmp);
//                                         the second number is WalOptions::sector_bytes
//   wal_bench --benchmark_filter=Encode   the same without a disk: the wal thread's own CPU
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server/storage/file_system.h"
#include "server/storage/wal.h"
#include "server/storage/wal_format.h"

namespace pintle::server::storage {
namespace {

// A put as the side-by-side with etcd does it (DESIGN 12): key 64 B, value 256 B, and the wrapping.
constexpr size_t kPutBytes = 64 + 256 + 16;

std::vector<raft::Entry> MakeBatch(int64_t puts) {
  std::vector<raft::Entry> batch;
  for (int64_t i = 0; i < puts; ++i) {
    batch.push_back({{raft::Term(1), raft::Index()},
                     raft::EntryKind::kNormal,
                     std::make_shared<const std::string>(kPutBytes, 'p')});
  }
  return batch;
}

void BM_Sync(benchmark::State& state) {
  std::string folder = (std::filesystem::temp_directory_path() / "pintle_wal_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return state.SkipWithError("no folder for the log");
  const std::unique_ptr<FileSystem> files = MakePosixFileSystem();
  WalContents contents;
  const WalOptions options{.sector_bytes = static_cast<size_t>(state.range(1))};
  auto wal = Wal::Open(*files, folder, {.cluster_id = 1, .member_id = 1}, options, contents);
  if (!wal.ok()) return state.SkipWithError(wal.status().ToString().c_str());
  std::vector<raft::Entry> batch = MakeBatch(state.range(0));
  uint64_t index = 0;
  for (auto _ : state) {
    for (auto& entry : batch) entry.id.index = raft::Index(++index);
    if (!(*wal)->Append(std::nullopt, batch, /*sync=*/true).ok()) {
      return state.SkipWithError("writing the log");
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(index));
  state.counters["bytes_per_put"] =
      static_cast<double>((*wal)->stats().bytes_written) / static_cast<double>(index);
  wal->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_Sync)->ArgsProduct({{1, 8, 64, 512, 4096}, {4096}})->Args({1, 512})->UseRealTime();

void BM_Encode(benchmark::State& state) {
  std::vector<raft::Entry> batch = MakeBatch(state.range(0));
  uint64_t index = 0;
  for (auto& entry : batch) entry.id.index = raft::Index(++index);
  std::string out;
  for (auto _ : state) {
    EncodeBatch({.cluster_id = 1, .member_id = 1}, {1, 4096},
                {.sequence = 1, .bytes = BatchBytes(batch, 4096)}, batch, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_put"] =
      static_cast<double>(out.size()) / static_cast<double>(state.range(0));
}
BENCHMARK(BM_Encode)->Arg(1)->Arg(64);

}  // namespace
}  // namespace pintle::server::storage

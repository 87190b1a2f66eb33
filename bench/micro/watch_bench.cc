// The hub's share of an event's way: publish to N watchers of one key, who each pull it as bytes.
//
//   watch_bench --benchmark_filter=Publish      publish alone (apply thread's cost)
//   watch_bench --benchmark_filter=Deliver      publish, then every watcher's Next()
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "kv/memory_backend.h"
#include "kv/store.h"
#include "watch/hub.h"

namespace pintle::watch {
namespace {

constexpr size_t kValueBytes = 256;

class Fixture {
 public:
  explicit Fixture(int64_t watchers) : store_(*kv::Store::Open(backend_, {})) {
    hub_ = Hub::Create({}, [this] { return store_->view(); });
    int64_t revision = 0;
    for (int64_t i = 0; i < watchers; ++i) {
      subscriptions_.push_back(hub_->Subscribe(
          {.range = {"/registry/pods/default/pod", ""}}, [] {}, revision));
    }
    revision_ = revision;
  }

  void Publish() {
    ++revision_;
    const kv::KeyValue pair{.key = "/registry/pods/default/pod",
                            .value = std::string(kValueBytes, 'v'),
                            .create_revision = 2,
                            .mod_revision = revision_,
                            .version = revision_};
    const kv::Event event{.revision = {revision_, 0},
                          .key = pair.key,
                          .kv = std::make_shared<const std::string>(kv::EncodeKeyValue(pair)),
                          .create_revision = 2};
    hub_->Publish(std::span(&event, 1), revision_);
  }

  size_t PullAll() {
    size_t bytes = 0;
    for (const auto& subscription : subscriptions_) {
      Batch batch;
      do {
        batch = subscription->Next(1 << 20);
        for (const Delivered& delivered : batch.events) bytes += delivered.encoded->size();
      } while (batch.more);
    }
    return bytes;
  }

 private:
  kv::MemoryBackend backend_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<Hub> hub_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  int64_t revision_ = 0;
};

void BM_Publish(benchmark::State& state) {
  Fixture fixture(state.range(0));
  int64_t published = 0;
  for (auto _ : state) {
    fixture.Publish();
    if (++published % 512 != 0) continue;
    state.PauseTiming();
    fixture.PullAll();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Publish)->Arg(0)->Arg(1)->Arg(1000);

void BM_PublishAndDeliver(benchmark::State& state) {
  Fixture fixture(state.range(0));
  for (auto _ : state) {
    fixture.Publish();
    benchmark::DoNotOptimize(fixture.PullAll());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_PublishAndDeliver)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace pintle::watch

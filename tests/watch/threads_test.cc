// Publishing on one thread, subscribing and pulling on others: nothing is lost, nobody sleeps
// through an event. Meant for ThreadSanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/watch/apply_loop.h"

namespace pintle::watch::testing {
namespace {

constexpr int kRevisions = 1500;
constexpr int kReaders = 4;
constexpr int kKeys = 3;

// What a stream's thread does with wake-ups.
class Bell {
 public:
  void Ring() {
    std::lock_guard lock(mutex_);
    rung_ = true;
    condition_.notify_one();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

// Reads until the last revision, only when woken; a lost wake-up shows as a test that hangs (and
// is ended by its timeout).
void ReadAll(Hub& hub, const std::string& key, int64_t start, size_t max_bytes,
             std::vector<int64_t>& seen) {
  Bell bell;
  int64_t created = 0;
  const auto subscription = hub.Subscribe(
      {.range = {key, ""}, .start_revision = start, .prev_kv = true}, [&] { bell.Ring(); },
      created);
  bool done = false;
  while (!done) {
    bell.Wait();
    Batch batch;
    do {
      batch = subscription->Next(max_bytes);
      ASSERT_FALSE(batch.compacted);
      for (const Delivered& delivered : batch.events) {
        seen.push_back(delivered.event->revision.main);
        kv::KeyValueView pair;
        ASSERT_TRUE(kv::ParseKeyValue(*delivered.event->kv, pair));
        done = done || pair.value == "last";
      }
    } while (batch.more && !done);
  }
}

TEST(WatchThreadsTest, NothingIsLost) {
  ApplyLoop loop({.window_bytes = 20'000});  // short: laggards go through the store
  std::atomic<bool> stop{false};
  std::vector<std::vector<int64_t>> seen(kReaders * kKeys);
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders * kKeys; ++i) {
    threads.emplace_back([&, i] {
      ReadAll(loop.hub(), "k" + std::to_string(i % kKeys), 1, i % 2 == 0 ? 1 : 1 << 16,
              seen[static_cast<size_t>(i)]);
    });
  }
  // Comes and goes while events fly.
  threads.emplace_back([&] {
    while (!stop) {
      Watcher watcher(loop.hub(), {.range = {"k", "l"}});
      watcher.Drain();
      loop.hub().stats();
    }
  });
  for (int i = 0; i < kRevisions; ++i) {
    loop.Put("k" + std::to_string(i % kKeys), std::to_string(i));
  }
  for (int k = 0; k < kKeys; ++k) loop.Put("k" + std::to_string(k), "last");
  for (size_t i = 0; i + 1 < threads.size(); ++i) threads[i].join();
  stop = true;
  threads.back().join();

  for (size_t i = 0; i < seen.size(); ++i) {
    std::vector<int64_t> expected;
    for (const kv::Event& event : loop.history()) {
      if (event.key == "k" + std::to_string(i % kKeys)) expected.push_back(event.revision.main);
    }
    EXPECT_EQ(seen[i], expected) << "reader " << i;
  }
}

// The progress rule: a revision said to be synced has no event still to come.
TEST(WatchThreadsTest, SyncedRevisionIsNeverAhead) {
  ApplyLoop loop;
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    int64_t created = 0;
    const auto subscription = loop.hub().Subscribe(
        {.range = {"k", ""}}, [] {}, created);
    int64_t promised = created;
    while (!stop) {
      const Batch batch = subscription->Next(1 << 16);
      for (const Delivered& delivered : batch.events) {
        ASSERT_GT(delivered.event->revision.main, promised);
      }
      promised = std::max(promised, subscription->synced_revision());
    }
  });
  for (int i = 0; i < kRevisions; ++i) loop.Put(i % 2 == 0 ? "k" : "other", "");
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace pintle::watch::testing

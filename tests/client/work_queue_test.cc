#include "client/work_queue.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/client/virtual_loop.h"

namespace pintle::client {
namespace {

using testing::VirtualLoop;

struct Fixture {
  explicit Fixture(WorkQueueOptions options = {})
      : queue(
            virtual_loop.loop, options, [this] { ++ready; }, [this] { ++overflows; }) {}

  std::vector<std::string> Drain() {
    std::vector<std::string> out;
    while (auto key = queue.Get()) {
      out.push_back(*key);
      queue.Done(*key);
    }
    return out;
  }

  VirtualLoop virtual_loop;
  int ready = 0;
  int overflows = 0;
  WorkQueue queue;
};

TEST(WorkQueue, KeepsOneOfEqualKeysInOrder) {
  Fixture f;
  for (const char* key : {"a", "b", "a", "c", "b"}) f.queue.Add(key);
  EXPECT_EQ(f.ready, 0) << "on_ready must not be called from within Add";
  f.virtual_loop.executor.RunReady();
  EXPECT_EQ(f.ready, 1);
  EXPECT_EQ(f.Drain(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(WorkQueue, KeyAddedWhileWorkedOnComesAgainAfterDone) {
  Fixture f;
  f.queue.Add("a");
  ASSERT_EQ(f.queue.Get(), "a");
  f.queue.Add("a");
  f.queue.Add("a");
  EXPECT_EQ(f.queue.Get(), std::nullopt) << "it was handed out twice at the same time";
  f.queue.Done("a");
  EXPECT_EQ(f.queue.Get(), "a");
  f.queue.Done("a");
  EXPECT_EQ(f.queue.Get(), std::nullopt);
}

TEST(WorkQueue, BacksOffAsClientGoDoes) {
  Fixture f;
  absl::Duration expected = absl::Milliseconds(5);
  for (int i = 0; i < 25; ++i) {
    const absl::Time asked = f.virtual_loop.executor.now();
    f.queue.AddRateLimited("a");
    ASSERT_TRUE(f.virtual_loop.executor.AdvanceUntil([&] { return f.queue.size() == 1; },
                                                     absl::Seconds(1001), absl::Milliseconds(1)));
    EXPECT_EQ(f.virtual_loop.executor.now() - asked, expected) << "after failure " << i + 1;
    f.Drain();
    expected = std::min(expected * 2, absl::Seconds(1000));
    if (expected > absl::Seconds(6)) break;  // the rest is the cap, below
  }
  EXPECT_EQ(f.queue.failures("a"), 11);
  f.queue.Forget("a");
  EXPECT_EQ(f.queue.failures("a"), 0);
}

TEST(WorkQueue, BackoffIsCapped) {
  Fixture f({.max_delay = absl::Seconds(1)});
  for (int i = 0; i < 60; ++i) {
    f.queue.AddRateLimited("a");
    f.virtual_loop.executor.Advance(absl::Seconds(1));
    ASSERT_EQ(f.Drain().size(), 1u) << i;
  }
}

TEST(WorkQueue, EarliestOfSeveralDelaysCounts) {
  Fixture f;
  f.queue.AddAfter("a", absl::Seconds(10));
  f.queue.AddAfter("a", absl::Seconds(2));
  f.queue.AddAfter("a", absl::Seconds(5));
  f.virtual_loop.executor.Advance(absl::Seconds(1.9));
  EXPECT_EQ(f.queue.size(), 0u);
  f.virtual_loop.executor.Advance(absl::Seconds(0.1));
  EXPECT_EQ(f.Drain().size(), 1u);
  f.virtual_loop.executor.Advance(absl::Seconds(20));
  EXPECT_EQ(f.queue.size(), 0u) << "the later ones were not dropped";
}

TEST(WorkQueue, BeyondItsBoundItAsksForEverythingAgain) {
  Fixture f({.max_keys = 4});
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) f.queue.Add(key);
  EXPECT_EQ(f.queue.size(), 4u);
  f.queue.Done(*f.queue.Get());
  EXPECT_EQ(f.overflows, 0);
  f.queue.Done(*f.queue.Get());
  EXPECT_EQ(f.overflows, 1) << "half empty: the owner must add what was refused";
  f.Drain();
  EXPECT_EQ(f.overflows, 1);
}

}  // namespace
}  // namespace pintle::client

// Executor, as IoThreads makes it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/net/test_support.h"

namespace pintle::net {
namespace {

TEST(EventLoop, RunsPostedWorkInOrderOfEachPoster) {
  IoThreads threads(1);
  Executor& executor = threads.executor(0);
  constexpr int kPosters = 4, kEach = 10000;
  std::vector<int> next(kPosters, 0);
  bool in_order = true;
  BlockingCounter left(kPosters * kEach);
  std::vector<std::thread> posters;
  for (int p = 0; p < kPosters; ++p) {
    posters.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) {
        executor.Post([&, p, i] {
          in_order = in_order && next[static_cast<size_t>(p)]++ == i && executor.OnThread();
          left.DecrementCount();
        });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  left.Wait();
  EXPECT_TRUE(in_order);
  EXPECT_FALSE(executor.OnThread());
}

TEST(EventLoop, TimersFireInOrderAndCancel) {
  IoThreads threads(1);
  Executor& executor = threads.executor(0);
  std::vector<int> fired;
  Notification last;
  std::unique_ptr<Executor::Timer> late, early, cancelled, self_destroying;
  RunOn(executor, [&] {
    late = executor.After(absl::Milliseconds(60), [&] {
      fired.push_back(2);
      last.Notify();
    });
    early = executor.After(absl::Milliseconds(5), [&] {
      fired.push_back(1);
      cancelled.reset();
    });
    cancelled = executor.After(absl::Milliseconds(30), [&] { fired.push_back(99); });
    self_destroying = executor.After(absl::ZeroDuration(), [&] {
      fired.push_back(0);
      self_destroying.reset();
    });
  });
  last.WaitForNotification();
  RunOn(executor, [&] {
    EXPECT_EQ(fired, (std::vector<int>{0, 1, 2}));
    late.reset();
    early.reset();
  });
}

TEST(EventLoop, TimerFromAnotherThreadAndInfiniteDelay) {
  IoThreads threads(1);
  Notification fired;
  const auto never = threads.executor(0).After(absl::InfiniteDuration(), [] { ADD_FAILURE(); });
  const auto soon = threads.executor(0).After(absl::Milliseconds(1), [&fired] { fired.Notify(); });
  fired.WaitForNotification();
  RunOn(threads.executor(0), [] {});  // the timer is done with its callback
}

TEST(EventLoop, StopDropsWorkAndDestroysIt) {
  const auto witness = std::make_shared<int>(0);
  IoThreads threads(2);
  threads.Stop();
  threads.executor(1).Post([witness] { ADD_FAILURE(); });
  EXPECT_EQ(witness.use_count(), 1);
  threads.Stop();  // twice is fine
}

}  // namespace
}  // namespace pintle::net

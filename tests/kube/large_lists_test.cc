// How many large lists grow at once.
#include "server/kube/large_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/etcd/fakes.h"

namespace pintle::server::kube {
namespace {

using ::testing::ElementsAre;

class LargeListsTest : public ::testing::Test {
 protected:
  bool Enter(int number) {
    const bool taken = lists_.Enter(executor_, [this, number](LargeLists::TurnPtr turn) {
      came_.push_back(number);
      turns_.push_back(std::move(turn));
    });
    executor_.Run();
    return taken;
  }

  etcd::testing::FakeExecutor executor_;
  LargeLists lists_;
  std::vector<int> came_;
  std::vector<LargeLists::TurnPtr> turns_;
};

TEST_F(LargeListsTest, TurnsGoToWhoWaitsLongest) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Enter(i));
  EXPECT_THAT(came_, ElementsAre(0, 1));
  EXPECT_EQ(lists_.TryEnter(), nullptr);
  turns_.erase(turns_.begin());
  executor_.Run();
  EXPECT_THAT(came_, ElementsAre(0, 1, 2));
  EXPECT_EQ(lists_.TryEnter(), nullptr) << "a turn that somebody waits for is not free";
  turns_.clear();
  executor_.Run();
  EXPECT_THAT(came_, ElementsAre(0, 1, 2, 3, 4));
  turns_.clear();
  EXPECT_NE(lists_.TryEnter(), nullptr);
}

TEST_F(LargeListsTest, WaitingIsBounded) {
  for (size_t i = 0; i < LargeLists::kMostAtOnce; ++i) turns_.push_back(lists_.TryEnter());
  for (size_t i = 0; i < LargeLists::kMostWaiting; ++i) EXPECT_TRUE(Enter(0));
  EXPECT_FALSE(Enter(1));
  while (!turns_.empty()) {
    turns_.clear();
    executor_.Run();
  }
  EXPECT_EQ(came_.size(), LargeLists::kMostWaiting);
  EXPECT_TRUE(Enter(2));
}

}  // namespace
}  // namespace pintle::server::kube

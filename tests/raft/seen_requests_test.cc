#include "raft/seen_requests.h"

#include <gtest/gtest.h>

namespace pintle::raft {
namespace {

TEST(SeenRequests, TakesEachOnceInAnyOrder) {
  SeenRequests seen;
  for (const uint64_t number : {3, 1, 7, 4, 2}) EXPECT_TRUE(seen.Add({1, number})) << number;
  for (const uint64_t number : {1, 2, 3, 4, 7}) EXPECT_FALSE(seen.Add({1, number})) << number;
  EXPECT_TRUE(seen.Add({1, 6}));
  EXPECT_TRUE(seen.Add({2, 6}));  // after a restart
  EXPECT_FALSE(seen.Add({2, 6}));
}

TEST(SeenRequests, WhatIsTooFarBackCountsAsSeen) {
  SeenRequests seen;
  EXPECT_TRUE(seen.Add({1, 100}));
  EXPECT_TRUE(seen.Add({1, 100 - SeenRequests::kWindow + 1}));
  EXPECT_FALSE(seen.Add({1, 100 - SeenRequests::kWindow}));
  EXPECT_TRUE(seen.Add({1, 1000}));  // a leap forgets the window
  EXPECT_FALSE(seen.Add({1, 100}));
  EXPECT_TRUE(seen.Add({1, 1000 - SeenRequests::kWindow + 1}));
}

TEST(SeenRequests, RemembersFewRestarts) {
  SeenRequests seen;
  for (uint64_t incarnation = 0; incarnation <= SeenRequests::kMostIncarnations; ++incarnation) {
    EXPECT_TRUE(seen.Add({incarnation, 1}));
  }
  EXPECT_FALSE(seen.Add({1, 1}));
  EXPECT_TRUE(seen.Add({0, 1}));  // forgotten: its process is long gone
}

}  // namespace
}  // namespace pintle::raft

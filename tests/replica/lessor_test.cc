// The clocks of leases. Time is given.
#include "server/replica/lessor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <string>
#include <vector>

#include "kv/lease_table.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }
kv::LeaseId Lease(int64_t id) { return kv::LeaseId(id); }

class LessorTest : public ::testing::Test {
 protected:
  static constexpr Lessor::Options kOptions = {.election_timeout = absl::Seconds(1),
                                               .checkpoint_interval = absl::Seconds(60)};

  std::vector<kv::LeaseId> Expired(absl::Time now, size_t most = 10) {
    return lessor_.TakeDue(now, most, 1000).expired;
  }
  // "7:50": of lease 7 there are 50 seconds left.
  std::vector<std::string> Checkpoints(absl::Time now, size_t most = 1000) {
    std::vector<std::string> texts;
    for (const auto& item : lessor_.TakeDue(now, 10, most).checkpoints) {
      texts.push_back(std::to_string(item.id.value()) + ":" +
                      std::to_string(item.remaining_ttl_seconds));
    }
    return texts;
  }
  // The first checkpoint of a lease comes within an interval; here: at its end at the latest.
  int64_t FirstCheckpoint(int64_t id, int64_t ttl) {
    for (int64_t second = 1; second <= 61; ++second) {
      for (const auto& item :
           lessor_.TakeDue(At(static_cast<double>(second)), 10, 10).checkpoints) {
        EXPECT_EQ(item.id, Lease(id));
        EXPECT_EQ(item.remaining_ttl_seconds, ttl - second);
        return second;
      }
    }
    ADD_FAILURE() << "no checkpoint";
    return 0;
  }

  Lessor lessor_{{}, kOptions};
};

TEST_F(LessorTest, OnlyALeaderNamesWhatHasExpired) {
  lessor_.Granted(Lease(1), 10, At(0));
  EXPECT_THAT(Expired(At(100)), IsEmpty());
  lessor_.BecameLeader(At(100));
  EXPECT_THAT(Expired(At(110.5)), IsEmpty());
  EXPECT_THAT(Expired(At(111)), ElementsAre(Lease(1)));
  lessor_.LostLeadership();
  EXPECT_THAT(Expired(At(200)), IsEmpty());
}

TEST_F(LessorTest, ANewLeaderGivesTheWholeTimeAndOneElectionTimeout) {
  Lessor lessor({{.id = Lease(1), .granted_ttl_seconds = 60, .remaining_ttl_seconds = 20}},
                {.election_timeout = absl::Seconds(2)});
  EXPECT_EQ(lessor.KeepAlive(Lease(2), At(0)).ttl_seconds, 0);
  lessor.BecameLeader(At(0));
  const auto time = lessor.TimeToLive(Lease(1), At(0));
  EXPECT_EQ(time.ttl_seconds, 22);  // what was left at the last checkpoint
  EXPECT_EQ(time.granted_ttl_seconds, 60);
  EXPECT_EQ(lessor.KeepAlive(Lease(1), At(21)).ttl_seconds, 60);
  EXPECT_EQ(lessor.TimeToLive(Lease(1), At(22)).ttl_seconds, 59);
}

// etcd-api 1.3: it counts on below 0 until the revocation is applied, and is not renewed.
TEST_F(LessorTest, AnExpiredLeaseIsToldUntilItIsRevokedAndNotRenewed) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 5, At(0));
  const auto left = [this](double second) {
    const auto time = lessor_.TimeToLive(Lease(1), At(second));
    EXPECT_EQ(time.granted_ttl_seconds, 5) << second;
    return time.ttl_seconds;
  };
  EXPECT_EQ(left(4.5), 0);
  EXPECT_EQ(left(5), 0);
  EXPECT_EQ(left(5.9), 0);
  EXPECT_THAT(Expired(At(6)), ElementsAre(Lease(1)));
  EXPECT_EQ(left(6.5), -1);
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(5)).ttl_seconds, 0);
  lessor_.Revoked(Lease(1));
  for (const int64_t gone : {1, 2}) {
    EXPECT_EQ(lessor_.TimeToLive(Lease(gone), At(7)).ttl_seconds, -1);
    EXPECT_EQ(lessor_.TimeToLive(Lease(gone), At(7)).granted_ttl_seconds, 0);
  }
}

TEST_F(LessorTest, ARenewedLeaseLivesOn) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 5, At(0));
  for (int second = 4; second < 40; second += 4) {
    EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(second)).ttl_seconds, 5);
    EXPECT_THAT(Expired(At(second + 3.9)), IsEmpty());
  }
  EXPECT_THAT(Expired(At(36 + 5)), ElementsAre(Lease(1)));
}

TEST_F(LessorTest, TheLongestTtlIsCountedRight) {
  constexpr int64_t kLongest = 9'000'000'000;
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), kLongest, At(0));
  EXPECT_EQ(lessor_.TimeToLive(Lease(1), At(1)).ttl_seconds, kLongest - 1);
  EXPECT_THAT(Expired(At(1e9)), IsEmpty());
}

TEST_F(LessorTest, ALeadersLeasesGoOnWithAnotherContent) {
  lessor_.BecameLeader(At(0));
  lessor_.Reset({{.id = Lease(1), .granted_ttl_seconds = 5, .remaining_ttl_seconds = 5}}, At(10));
  EXPECT_THAT(Expired(At(15.5)), IsEmpty());
  EXPECT_THAT(Expired(At(16)), ElementsAre(Lease(1)));
}

TEST_F(LessorTest, WhatWasNamedIsNotRenewedThoughAnOlderContentHasItAgain) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 5, At(0));
  EXPECT_THAT(Expired(At(5)), ElementsAre(Lease(1)));
  lessor_.Reset({{.id = Lease(1), .granted_ttl_seconds = 5, .remaining_ttl_seconds = 5}}, At(6));
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(7)).ttl_seconds, 0);
  lessor_.BecameLeader(At(8));  // anew: whatever was on its way has been applied by then
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(9)).ttl_seconds, 5);
}

TEST_F(LessorTest, WhoseRevocationIsInTheLogIsNotRenewed) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 5, At(0));
  lessor_.RevocationOnItsWay(Lease(1));
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(1)).ttl_seconds, 0);
  EXPECT_TRUE(lessor_.KeepAlive(Lease(1), At(1)).unsure) << "it may be refused";
  lessor_.RevocationRefused(Lease(1));
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(2)).ttl_seconds, 5);
  lessor_.RevocationOnItsWay(Lease(1));
  lessor_.Revoked(Lease(1));
  lessor_.Granted(Lease(1), 50, At(3));
  EXPECT_EQ(lessor_.KeepAlive(Lease(1), At(4)).ttl_seconds, 50);
}

TEST_F(LessorTest, NamesFewAtATimeAndEachAgainAfterAWhile) {
  lessor_.BecameLeader(At(0));
  for (int64_t id = 1; id <= 5; ++id) lessor_.Granted(Lease(id), 1, At(0));
  EXPECT_THAT(Expired(At(1), 3), ElementsAre(Lease(1), Lease(2), Lease(3)));
  EXPECT_THAT(Expired(At(1.1), 3), ElementsAre(Lease(4), Lease(5)));
  EXPECT_THAT(Expired(At(1.2), 3), IsEmpty());
  for (int64_t id = 1; id <= 4; ++id) lessor_.Revoked(Lease(id));
  EXPECT_THAT(Expired(At(10), 3), ElementsAre(Lease(5)));
}

TEST_F(LessorTest, AnIdThatIsGrantedAgainHasItsOwnTime) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 5, At(0));
  lessor_.Revoked(Lease(1));
  lessor_.Granted(Lease(1), 50, At(1));
  EXPECT_THAT(Expired(At(50)), IsEmpty());
  EXPECT_THAT(Expired(At(51)), ElementsAre(Lease(1)));
}

TEST_F(LessorTest, WhatIsLeftOfALongLeaseIsWrittenDownInEveryInterval) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 1000, At(0));
  lessor_.Granted(Lease(2), 60, At(0));  // not longer than the interval: none
  const int64_t first = FirstCheckpoint(1, 1000);
  lessor_.Checkpointed(Lease(1), 1000 - first, At(0));
  EXPECT_THAT(Checkpoints(At(static_cast<double>(first) + 59)), IsEmpty());
  EXPECT_THAT(Checkpoints(At(static_cast<double>(first) + 60)),
              ElementsAre("1:" + std::to_string(940 - first)));
}

TEST_F(LessorTest, CheckpointsComeFewAtATimeAndThoseThatWereRefusedAgain) {
  lessor_.BecameLeader(At(0));
  for (int64_t id = 1; id <= 3; ++id) lessor_.Granted(Lease(id), 1000, At(0));
  const auto first = lessor_.TakeDue(At(60), 10, 2).checkpoints;
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(lessor_.TakeDue(At(60), 10, 2).checkpoints.size(), 1u);
  EXPECT_THAT(Checkpoints(At(61)), IsEmpty());
  lessor_.NotProposed(first, At(61));
  EXPECT_EQ(Checkpoints(At(62)).size(), 2u);
}

TEST_F(LessorTest, CheckpointsAreSpreadOverTheInterval) {
  lessor_.BecameLeader(At(0));
  for (int64_t id = 1; id <= 6000; ++id) lessor_.Granted(Lease(id), 1000, At(0));
  size_t all = 0;
  for (int second = 1; second <= 60; ++second) {
    const size_t now = Checkpoints(At(second)).size();
    EXPECT_LT(now, 200u) << second;
    all += now;
  }
  EXPECT_EQ(all, 6000u);
}

TEST_F(LessorTest, WhatIsWrittenDownIsUndoneBeforeARenewalIsPromised) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 1000, At(0));
  EXPECT_FALSE(lessor_.KeepAlive(Lease(1), At(0)).replicate);
  EXPECT_EQ(Checkpoints(At(60)).size(), 1u);  // on its way
  const Lessor::Renewal renewal = lessor_.KeepAlive(Lease(1), At(61));
  EXPECT_EQ(renewal.ttl_seconds, 1000);
  EXPECT_TRUE(renewal.replicate);
  lessor_.Checkpointed(Lease(1), 940, At(61));
  lessor_.Checkpointed(Lease(1), 0, At(62));
  EXPECT_TRUE(lessor_.KeepAlive(Lease(1), At(62)).replicate);  // not said to be undone
  lessor_.Undone(Lease(1), renewal.checkpoint);
  EXPECT_FALSE(lessor_.KeepAlive(Lease(1), At(62)).replicate);
}

TEST_F(LessorTest, ALaterCheckpointIsNotUndoneByWhatUndidTheOneBefore) {
  lessor_.BecameLeader(At(0));
  lessor_.Granted(Lease(1), 1000, At(0));
  const int64_t first = FirstCheckpoint(1, 1000);
  const Lessor::Renewal renewal = lessor_.KeepAlive(Lease(1), At(static_cast<double>(first) + 1));
  EXPECT_EQ(Checkpoints(At(static_cast<double>(first) + 60)).size(), 1u);
  lessor_.Undone(Lease(1), renewal.checkpoint);
  EXPECT_TRUE(lessor_.KeepAlive(Lease(1), At(200)).replicate);
}

TEST_F(LessorTest, ANewLeaderCountsFromTheCheckpointAndUndoesItToo) {
  lessor_.Granted(Lease(1), 1000, At(0));
  lessor_.Checkpointed(Lease(1), 100, At(900));
  lessor_.BecameLeader(At(950));
  EXPECT_EQ(lessor_.TimeToLive(Lease(1), At(950)).ttl_seconds, 101);
  EXPECT_TRUE(lessor_.KeepAlive(Lease(1), At(950)).replicate);
}

// An earlier leader promised it; here it is applied only after we had begun to count.
TEST_F(LessorTest, APromiseOfAnEarlierLeaderIsKept) {
  lessor_.Granted(Lease(1), 1000, At(0));
  lessor_.Checkpointed(Lease(1), 1, At(900));
  lessor_.BecameLeader(At(950));
  EXPECT_EQ(lessor_.TimeToLive(Lease(1), At(950)).ttl_seconds, 2);
  lessor_.Checkpointed(Lease(1), 0, At(951));
  EXPECT_EQ(lessor_.TimeToLive(Lease(1), At(951)).ttl_seconds, 1000);
  EXPECT_THAT(Expired(At(1900)), IsEmpty());
}

TEST_F(LessorTest, OrdersByWhatIsLeft) {
  std::vector<kv::LeaseId> ids{Lease(1), Lease(2), Lease(3)};
  lessor_.Granted(Lease(1), 100, At(0));
  lessor_.Granted(Lease(2), 10, At(0));
  lessor_.Granted(Lease(3), 50, At(0));
  lessor_.SortByExpiry(ids);
  EXPECT_THAT(ids, ElementsAre(Lease(1), Lease(2), Lease(3)));  // a follower does not know
  lessor_.BecameLeader(At(0));
  lessor_.SortByExpiry(ids);
  EXPECT_THAT(ids, ElementsAre(Lease(2), Lease(3), Lease(1)));
}

// What a lease costs a leader: the table's entry and the lessor's clock.
TEST_F(LessorTest, ALeaseTakesAtMost300Bytes) {
  constexpr int64_t kLeases = 100'000;
  const auto used = [] {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const size_t before = used();
  kv::Reclaimer reclaimer;
  auto table = std::make_unique<kv::LeaseTable>(reclaimer);
  lessor_.BecameLeader(At(0));
  for (int64_t i = 0; i < kLeases; ++i) {
    const kv::LeaseId id(static_cast<int64_t>(static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15));
    table->Put({.id = id, .ttl_seconds = 1000});
    lessor_.Granted(id, 1000, At(0));
    if (i % 100 == 0) reclaimer.Seal();
  }
  reclaimer.Seal();
  const size_t after = used();
  if (after == before) GTEST_SKIP() << "this allocator does not count";
  const size_t each = (after - before) / kLeases;
  RecordProperty("bytes_per_lease", static_cast<int>(each));
  EXPECT_GT(each, 50u);
  EXPECT_LE(each, 300u);
}

}  // namespace
}  // namespace pintle::server::replica

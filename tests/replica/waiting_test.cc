// Who waits and what time does: proposals, the read gate, the clocks of leases. Time is given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/replica/errors.h"
#include "server/replica/lessor.h"
#include "server/replica/proposals.h"
#include "server/replica/read_gate.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }

class ProposalsTest : public ::testing::Test {
 protected:
  bool Add(uint64_t id, absl::Time deadline, raft::Payload payload = nullptr) {
    Proposals::Done done = [this, id](const absl::StatusOr<Applied>&) { answered_.push_back(id); };
    return proposals_.Add(id, 100, deadline, done, std::move(payload));
  }
  std::vector<uint64_t> Answered(std::vector<Proposals::Done> dones) {
    answered_.clear();
    for (auto& done : dones) done(ErrTimeout());
    std::sort(answered_.begin(), answered_.end());
    return answered_;
  }

  Proposals proposals_{3};
  std::vector<uint64_t> answered_;
};

TEST_F(ProposalsTest, AreBounded) {
  EXPECT_TRUE(Add(1, At(1)));
  EXPECT_TRUE(Add(2, At(1)));
  EXPECT_TRUE(Add(3, At(1)));
  EXPECT_FALSE(Add(4, At(1)));
  EXPECT_TRUE(proposals_.Take(2).has_value());
  EXPECT_TRUE(Add(4, At(1)));
  EXPECT_EQ(proposals_.size(), 3u);
}

TEST_F(ProposalsTest, LeaveOnce) {
  Add(1, At(1));
  Add(2, At(2));
  EXPECT_TRUE(proposals_.Take(1).has_value());
  EXPECT_FALSE(proposals_.Take(1).has_value());
  EXPECT_THAT(Answered(proposals_.TakeExpired(At(1.5))), IsEmpty());
  EXPECT_THAT(Answered(proposals_.TakeExpired(At(2))), ElementsAre(2));
  EXPECT_THAT(Answered(proposals_.TakeAll()), IsEmpty());
  EXPECT_FALSE(proposals_.MarkSent(2, 1));
}

TEST_F(ProposalsTest, ManyAreTakenInTheOrderOfTheirIds) {
  Add(1, At(1));
  Add(3, At(1));
  const std::vector<uint64_t> ids{3, 2, 1};
  auto taken = proposals_.TakeMany(ids);
  ASSERT_EQ(taken.size(), 3u);
  EXPECT_FALSE(taken[1].has_value());
  (*taken[0])(ErrTimeout());
  (*taken[2])(ErrTimeout());
  EXPECT_THAT(answered_, ElementsAre(3, 1));
}

TEST_F(ProposalsTest, AreLostForCertainOnlyWhenSentInAnEarlierTerm) {
  Add(1, At(1));
  Add(2, At(1));
  Add(3, At(1));
  proposals_.MarkSent(1, 4);
  proposals_.MarkSent(2, 5);  // 3 was never sent: it will be
  EXPECT_THAT(Answered(proposals_.TakeLostBefore(5).answer), ElementsAre(1));
  EXPECT_EQ(proposals_.size(), 2u);
}

TEST_F(ProposalsTest, WhatIsLostIsProposedAgainAndWaitsOn) {
  const auto payload = std::make_shared<const std::string>("payload");
  Add(2, At(1), payload);
  Add(1, At(1), payload);
  proposals_.MarkSent(1, 4);
  proposals_.MarkSent(2, 4);
  const Proposals::Lost lost = proposals_.TakeLostBefore(5);
  ASSERT_EQ(lost.again.size(), 2u);
  EXPECT_EQ(lost.again[0].id, 1u);  // as they came
  EXPECT_EQ(lost.again[1].id, 2u);
  EXPECT_EQ(lost.again[0].payload, payload);
  EXPECT_THAT(lost.answer, IsEmpty());
  EXPECT_THAT(proposals_.TakeLostBefore(6).again, IsEmpty());  // they are on their way to raft
  proposals_.MarkSent(1, 6);
  EXPECT_EQ(proposals_.TakeLostBefore(7).again.size(), 1u);
  EXPECT_THAT(Answered(proposals_.TakeExpired(At(1))), ElementsAre(1, 2));
}

TEST_F(ProposalsTest, AreNotLostForCertainOnceAnotherStoreMayHoldThem) {
  const auto payload = std::make_shared<const std::string>("payload");
  Add(1, At(1), payload);
  Add(2, At(1), payload);
  proposals_.MarkSent(1, 4);
  proposals_.SentMayBeApplied();
  proposals_.MarkSent(2, 4);  // behind what that store holds
  const Proposals::Lost lost = proposals_.TakeLostBefore(5);
  ASSERT_EQ(lost.again.size(), 1u);
  EXPECT_EQ(lost.again[0].id, 2u);
  EXPECT_TRUE(proposals_.Take(1).has_value());
}

class ReadGateTest : public ::testing::Test {
 protected:
  ReadGate::AddResult Add(int name, absl::Time deadline) {
    ReadGate::Done done = [this, name](const auto&) { answered_.push_back(name); };
    return gate_.Add(deadline, done);
  }
  std::vector<int> Answered(std::vector<ReadGate::Done> dones) {
    answered_.clear();
    for (auto& done : dones) done(ErrTimeout());
    return answered_;
  }

  ReadGate gate_{3};
  std::vector<int> answered_;
};

TEST_F(ReadGateTest, WaitersShareARoundAndThenWaitForApply) {
  EXPECT_EQ(Add(1, At(1)), ReadGate::AddResult::kFirst);
  EXPECT_EQ(Add(2, At(1)), ReadGate::AddResult::kJoined);
  EXPECT_TRUE(gate_.Begin(raft::ReadId(1)));
  EXPECT_FALSE(gate_.Begin(raft::ReadId(2)));
  // Who comes later is not in that round.
  EXPECT_EQ(Add(3, At(1)), ReadGate::AddResult::kFirst);
  EXPECT_EQ(Add(4, At(1)), ReadGate::AddResult::kFull);
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(1), raft::Index(10))), IsEmpty());
  EXPECT_THAT(Answered(gate_.Applied(raft::Index(9))), IsEmpty());
  EXPECT_THAT(Answered(gate_.Applied(raft::Index(10))), ElementsAre(1, 2));
  EXPECT_EQ(Add(4, At(1)), ReadGate::AddResult::kJoined);
}

TEST_F(ReadGateTest, WhatIsAppliedAlreadyGoesAtOnce) {
  gate_.Applied(raft::Index(7));
  Add(1, At(1));
  gate_.Begin(raft::ReadId(1));
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(1), raft::Index(7))), ElementsAre(1));
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(1), raft::Index(7))), IsEmpty());
}

TEST_F(ReadGateTest, ADroppedRoundWaitsForAnother) {
  Add(1, At(1));
  gate_.Begin(raft::ReadId(1));
  gate_.Dropped(raft::ReadId(1));
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(1), raft::Index(0))), IsEmpty());
  EXPECT_TRUE(gate_.Begin(raft::ReadId(2)));
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(2), raft::Index(0))), ElementsAre(1));
}

TEST_F(ReadGateTest, ReadersExpireWhereverTheyWait) {
  Add(1, At(1));
  gate_.Begin(raft::ReadId(1));
  gate_.Confirmed(raft::ReadId(1), raft::Index(10));
  Add(2, At(2));
  gate_.Begin(raft::ReadId(2));
  Add(3, At(1));
  EXPECT_THAT(Answered(gate_.TakeExpired(At(1))), ElementsAre(3, 1));
  EXPECT_THAT(Answered(gate_.TakeExpired(At(2))), ElementsAre(2));
  EXPECT_THAT(Answered(gate_.Applied(raft::Index(10))), IsEmpty());
  EXPECT_EQ(Add(4, At(3)), ReadGate::AddResult::kFirst);
  EXPECT_THAT(Answered(gate_.TakeAll()), ElementsAre(4));
}

kv::LeaseId Lease(int64_t id) { return kv::LeaseId(id); }

TEST(Lessor, OnlyALeaderNamesWhatHasExpired) {
  Lessor lessor({}, absl::Seconds(1));
  lessor.Granted(Lease(1), 10, At(0));
  EXPECT_THAT(lessor.TakeExpired(At(100), 10), IsEmpty());
  lessor.BecameLeader(At(100));
  EXPECT_THAT(lessor.TakeExpired(At(110.5), 10), IsEmpty());
  EXPECT_THAT(lessor.TakeExpired(At(111), 10), ElementsAre(Lease(1)));
  lessor.LostLeadership();
  EXPECT_THAT(lessor.TakeExpired(At(200), 10), IsEmpty());
}

TEST(Lessor, ANewLeaderGivesTheWholeTimeAndOneElectionTimeout) {
  Lessor lessor({{.id = Lease(1), .granted_ttl_seconds = 60, .remaining_ttl_seconds = 20}},
                absl::Seconds(2));
  EXPECT_EQ(lessor.KeepAlive(Lease(2), At(0)), 0);
  lessor.BecameLeader(At(0));
  const auto time = lessor.TimeToLive(Lease(1), At(0));
  EXPECT_EQ(time.ttl_seconds, 22);  // what was left at the last checkpoint
  EXPECT_EQ(time.granted_ttl_seconds, 60);
  EXPECT_EQ(lessor.KeepAlive(Lease(1), At(21)), 60);
  EXPECT_EQ(lessor.TimeToLive(Lease(1), At(22)).ttl_seconds, 59);
}

TEST(Lessor, AnExpiredLeaseIsGoneForItsClientsBeforeItIsRevoked) {
  Lessor lessor({}, absl::Seconds(1));
  lessor.BecameLeader(At(0));
  lessor.Granted(Lease(1), 5, At(0));
  EXPECT_EQ(lessor.TimeToLive(Lease(1), At(4.5)).ttl_seconds, 0);
  EXPECT_EQ(lessor.TimeToLive(Lease(1), At(5)).ttl_seconds, -1);
  EXPECT_EQ(lessor.KeepAlive(Lease(1), At(5)), 0);
  EXPECT_EQ(lessor.TimeToLive(Lease(2), At(0)).ttl_seconds, -1);
}

TEST(Lessor, ALeadersLeasesGoOnWithAnotherContent) {
  Lessor lessor({}, absl::Seconds(1));
  lessor.BecameLeader(At(0));
  lessor.Reset({{.id = Lease(1), .granted_ttl_seconds = 5, .remaining_ttl_seconds = 5}}, At(10));
  EXPECT_THAT(lessor.TakeExpired(At(15.5), 3), IsEmpty());
  EXPECT_THAT(lessor.TakeExpired(At(16), 3), ElementsAre(Lease(1)));
}

TEST(Lessor, WhatWasNamedIsNotRenewedThoughAnOlderContentHasItAgain) {
  Lessor lessor({}, absl::Seconds(1));
  lessor.BecameLeader(At(0));
  lessor.Granted(Lease(1), 5, At(0));
  EXPECT_THAT(lessor.TakeExpired(At(5), 3), ElementsAre(Lease(1)));
  lessor.Reset({{.id = Lease(1), .granted_ttl_seconds = 5, .remaining_ttl_seconds = 5}}, At(6));
  EXPECT_EQ(lessor.KeepAlive(Lease(1), At(7)), 0);
  lessor.BecameLeader(At(8));  // anew: whatever was on its way has been applied by then
  EXPECT_EQ(lessor.KeepAlive(Lease(1), At(9)), 5);
}

TEST(Lessor, NamesFewAtATimeAndEachAgainAfterAWhile) {
  Lessor lessor({}, absl::Seconds(1));
  lessor.BecameLeader(At(0));
  for (int64_t id = 1; id <= 5; ++id) lessor.Granted(Lease(id), 1, At(0));
  std::vector<kv::LeaseId> named = lessor.TakeExpired(At(1), 3);
  EXPECT_EQ(named.size(), 3u);
  const std::vector<kv::LeaseId> rest = lessor.TakeExpired(At(1.1), 3);
  EXPECT_EQ(rest.size(), 2u);
  named.insert(named.end(), rest.begin(), rest.end());
  EXPECT_THAT(named,
              ::testing::UnorderedElementsAre(Lease(1), Lease(2), Lease(3), Lease(4), Lease(5)));
  EXPECT_THAT(lessor.TakeExpired(At(1.2), 3), IsEmpty());
  for (int64_t id = 1; id <= 4; ++id) lessor.Revoked(Lease(id));
  EXPECT_THAT(lessor.TakeExpired(At(10), 3), ElementsAre(Lease(5)));
}

}  // namespace
}  // namespace pintle::server::replica

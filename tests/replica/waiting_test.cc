// Who waits and what time does: proposals, the read gate. Time is given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/replica/errors.h"
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
  EXPECT_EQ(lost.again[0].id, 2u);  // as they came
  EXPECT_EQ(lost.again[1].id, 1u);
  EXPECT_EQ(lost.again[0].payload, payload);
  EXPECT_THAT(lost.answer, IsEmpty());
  EXPECT_THAT(proposals_.TakeLostBefore(6).again, IsEmpty());  // they are on their way to raft
  proposals_.MarkSent(1, 6);
  EXPECT_EQ(proposals_.TakeLostBefore(7).again.size(), 1u);
  EXPECT_THAT(Answered(proposals_.TakeExpired(At(1))), ElementsAre(2, 1));
}

// Not in that of a hash map: a simulation has one history only.
TEST_F(ProposalsTest, AreAnsweredInTheOrderInWhichTheyCame) {
  for (const uint64_t id : {2, 3, 1}) {
    Add(id, At(1));
    proposals_.MarkSent(id, 4);
  }
  EXPECT_THAT(Answered(proposals_.TakeLostBefore(5).answer), ElementsAre(2, 3, 1));
  for (const uint64_t id : {6, 4, 5}) Add(id, At(1));
  EXPECT_THAT(Answered(proposals_.TakeAll()), ElementsAre(6, 4, 5));
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

TEST_F(ReadGateTest, WhoWantsOnlyTheWordOfAQuorumDoesNotWaitForApply) {
  for (const int name : {1, 2, 3}) {
    ReadGate::Done done = [this, name](const auto&) { answered_.push_back(name); };
    gate_.Add(At(1), done, /*applied=*/name == 2);
  }
  gate_.Begin(raft::ReadId(1));
  EXPECT_THAT(Answered(gate_.Confirmed(raft::ReadId(1), raft::Index(10))), ElementsAre(1, 3));
  EXPECT_EQ(gate_.size(), 1u);
  EXPECT_THAT(Answered(gate_.Applied(raft::Index(10))), ElementsAre(2));
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

}  // namespace
}  // namespace pintle::server::replica

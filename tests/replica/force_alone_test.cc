// --force-new-cluster: a member whose others are lost goes on alone with all that it has.
#include <gtest/gtest.h>

#include "tests/replica/virtual_cluster.h"

namespace pintle::server::replica {
namespace {

class ForceAloneTest : public ::testing::Test {
 protected:
  ForceAloneTest() : leader_(cluster_.RunUntilLeader()), survivor_((leader_ + 1) % 3) {
    for (int i = 0; i < 30; ++i) cluster_.Put(static_cast<size_t>(i) % 3);
    cluster_.Run(5);
  }

  void LoseTheOthers() {
    for (size_t place = 0; place < 3; ++place) cluster_.Crash(place);
    cluster_.FreeDisks();
    member().ForceAlone();
  }
  VirtualMember& member() { return cluster_.member(survivor_); }

  void ExpectAllWritesAndOneMember() {
    const auto view = member().store().view();
    for (const auto& write : cluster_.writes()) {
      const auto range = view->Range({.range = {write.key, ""}});
      ASSERT_TRUE(range.ok());
      EXPECT_EQ(range->kvs.size(), 1U) << write.key;
    }
    ASSERT_EQ(member().members().size(), 1U);
    EXPECT_EQ(member().members().front().id, member().id().value());
    EXPECT_FALSE(member().members().front().is_learner);
  }

  VirtualCluster cluster_{7};
  const size_t leader_;
  size_t survivor_;
};

TEST_F(ForceAloneTest, KeepsEverythingAndTakesWrites) {
  LoseTheOthers();
  member().Start();
  cluster_.Run(60);
  ExpectAllWritesAndOneMember();
  const size_t write = cluster_.Put(survivor_);
  cluster_.Run(2);
  EXPECT_EQ(cluster_.writes()[write].state, VirtualCluster::Write::State::kAcknowledged);
  ExpectAllWritesAndOneMember();
}

TEST_F(ForceAloneTest, DoesNothingMoreWhenTheFlagIsLeftOn) {
  LoseTheOthers();
  member().Start();
  cluster_.Run(60);
  cluster_.Crash(survivor_);
  member().Start();
  const raft::Index before = member().replica().GetStatus().last_entry.index;
  cluster_.Crash(survivor_);
  member().Start();
  EXPECT_EQ(member().replica().GetStatus().last_entry.index, before);
  cluster_.Run(60);
  ExpectAllWritesAndOneMember();
}

// What the others had not said is committed may have been acknowledged to a client all the same.
TEST_F(ForceAloneTest, KeepsWhatIsNotKnownToBeCommitted) {
  survivor_ = leader_;
  cluster_.CutOff(leader_);
  cluster_.Put(leader_);
  cluster_.Run(0);
  ASSERT_EQ(cluster_.writes().back().state, VirtualCluster::Write::State::kWaiting);
  LoseTheOthers();
  member().Start();
  cluster_.Run(60);
  ExpectAllWritesAndOneMember();
}

// It applies what the others have committed, before its own disk has it.
TEST_F(ForceAloneTest, WorksWithAStoreThatIsAheadOfItsLog) {
  cluster_.HangDisk(survivor_);
  for (int i = 0; i < 10; ++i) cluster_.Put(leader_);
  cluster_.Run(5);
  ASSERT_EQ(cluster_.writes().back().state, VirtualCluster::Write::State::kAcknowledged);
  member().FlushStore();
  LoseTheOthers();
  member().Start();
  cluster_.Run(60);
  ExpectAllWritesAndOneMember();
}

// Before a first leader has written the members down.
TEST(ForceAlone, AClusterThatHasNeverBegunBeginsWithOne) {
  VirtualCluster cluster(3);
  for (size_t place = 0; place < 3; ++place) cluster.Crash(place);
  cluster.member(1).ForceAlone();
  cluster.member(1).Start();
  cluster.Run(60);
  EXPECT_EQ(cluster.member(1).members().size(), 1U);
  const size_t write = cluster.Put(1);
  cluster.Run(2);
  EXPECT_EQ(cluster.writes()[write].state, VirtualCluster::Write::State::kAcknowledged);
}

}  // namespace
}  // namespace pintle::server::replica

// What would end a cluster's work for ever, though a quorum is there.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "raft/membership.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {
namespace {

constexpr uint32_t kElectionTicks = 10;
constexpr MemberId kLeader{1};
constexpr MemberId kFollower{2};
constexpr MemberId kOther{3};
constexpr MemberId kLearner{4};

void Rounds(Cluster& cluster, uint32_t count) {
  for (; count > 0; --count) {
    for (const MemberId id : cluster.ids()) cluster.Tick(id);
    cluster.DeliverAll();
  }
}

// A learner takes a voter's place, and the leader dies before the learner has heard of it. The only
// one that holds the change needs the vote of a member that does not know that it votes
// (etcd-io/etcd#10998, #12359).
TEST(LivenessTest, WhoStillBelievesToBeALearnerVotes) {
  Cluster cluster(
      4, {.election_ticks = kElectionTicks, .heartbeat_ticks = 1},
      [](MemberId id) { return std::make_unique<SeededRandom>(id.value()); },
      [](const std::string&) {}, /*voters=*/3);
  cluster.Campaign(kLeader);
  cluster.DeliverAll();
  const ConfState with_learner = WithLearner(cluster.node(kLeader).conf_state(), kLearner);
  ASSERT_EQ(cluster.ProposeConf(kLeader, with_learner, "").outcome, ConfChangeOutcome::kAppended);
  Rounds(cluster, 3);
  ASSERT_EQ(cluster.node(kLearner).conf_state(), with_learner);

  cluster.Cut(kLeader, kLearner);
  cluster.Cut(kLeader, kOther);
  const ConfState target = WithReplacement(with_learner, kOther, kLearner);
  ASSERT_EQ(cluster.ProposeConf(kLeader, target, "").outcome, ConfChangeOutcome::kAppended);
  cluster.DeliverAll();
  ASSERT_TRUE(IsVoter(cluster.node(kFollower).conf_state(), kLearner));
  ASSERT_EQ(cluster.node(kLearner).conf_state(), with_learner);
  cluster.Crash(kLeader, 0);
  cluster.Heal();
  Rounds(cluster, 3 * 2 * kElectionTicks);
  EXPECT_EQ(cluster.Leader(), kFollower);
  EXPECT_EQ(cluster.node(kLearner).conf_state(), target);
  EXPECT_TRUE(cluster.violation().ok()) << cluster.violation().message();
}

// A member begins a term and is cut off before it is elected. When it is back, the others hear
// their leader and do not elect it, and what that leader says is of an older term: one of them must
// be told of the other's term (etcd-io/etcd#8334, #9586).
TEST(LivenessTest, WhoIsAheadInTermsComesBack) {
  Cluster cluster(
      3, {.election_ticks = kElectionTicks, .heartbeat_ticks = 1},
      [](MemberId id) { return std::make_unique<SeededRandom>(id.value()); },
      [](const std::string&) {});
  cluster.Campaign(kLeader);
  cluster.DeliverAll();
  cluster.Cut(kLeader, kFollower);
  cluster.Cut(kLeader, kOther);
  for (uint32_t tick = 0; tick < kElectionTicks; ++tick) cluster.Tick(kFollower);
  cluster.Campaign(kOther);
  while (cluster.node(kOther).soft_state().role != Role::kCandidate) {
    ASSERT_FALSE(cluster.network().empty());
    cluster.Deliver(0);
  }
  cluster.network().clear();
  cluster.Heal();
  cluster.Cut(kOther, kLeader);
  cluster.Cut(kOther, kFollower);
  Rounds(cluster, 3);
  ASSERT_GT(cluster.node(kOther).term(), cluster.node(kLeader).term());

  cluster.Heal();
  Rounds(cluster, 3 * 2 * kElectionTicks);
  for (const MemberId id : cluster.ids())
    EXPECT_EQ(cluster.node(id).soft_state().leader, cluster.Leader());
  EXPECT_NE(cluster.Leader(), kNoMember);
  EXPECT_TRUE(cluster.violation().ok()) << cluster.violation().message();
}

}  // namespace
}  // namespace pintle::raft

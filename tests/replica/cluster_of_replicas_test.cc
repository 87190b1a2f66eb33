// Three replicas in one thread: the write path, the read gate and recovery, without Asio.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/replica/proposal_codec.h"
#include "server/storage/fatal.h"
#include "tests/replica/virtual_cluster.h"

namespace pintle::server::replica {
namespace {

using State = VirtualCluster::Write::State;

TEST(ClusterOfReplicas, AnyMemberTakesAWriteAndAllApplyIt) {
  VirtualCluster cluster(1);
  cluster.RunUntilLeader();
  for (size_t place = 0; place < VirtualCluster::kMembers; ++place) cluster.Put(place);
  cluster.Run(2);
  for (const auto& write : cluster.writes()) EXPECT_EQ(write.state, State::kAcknowledged);
  cluster.CheckAgreement();
}

TEST(ClusterOfReplicas, AWriteBeforeThereIsALeaderWaitsForOne) {
  VirtualCluster cluster(2);
  cluster.Put(0);
  EXPECT_EQ(cluster.writes()[0].state, State::kWaiting);
  cluster.RunUntilLeader();
  cluster.Run(2);
  EXPECT_EQ(cluster.writes()[0].state, State::kAcknowledged);
}

TEST(ClusterOfReplicas, NothingIsAcknowledgedBeforeAQuorumOfDisksHasIt) {
  VirtualCluster cluster(3);
  const size_t leader = cluster.RunUntilLeader();
  const size_t follower = (leader + 1) % VirtualCluster::kMembers;
  const size_t other = (leader + 2) % VirtualCluster::kMembers;
  cluster.HangDisk(leader);
  cluster.HangDisk(follower);
  cluster.Put(leader);
  cluster.Run(3);
  EXPECT_EQ(cluster.writes()[0].state, State::kWaiting);
  const raft::Index before = cluster.member(other).applied_index();
  cluster.FreeDisks();
  cluster.HangDisk(leader);
  cluster.Run(3);
  // Two followers have it: committed. The leader applies and answers, whatever its own disk does.
  EXPECT_GT(cluster.member(other).applied_index(), before);
  EXPECT_EQ(cluster.writes()[0].state, State::kAcknowledged);
  cluster.FreeDisks();
  cluster.Run(3);
  EXPECT_EQ(cluster.writes()[0].state, State::kAcknowledged);
  cluster.CheckAgreement();
}

// The leader ends while one follower misses an entry. The one that has it sees that first, and is
// refused by the other, who cannot win himself: he asks again, long before an election timeout.
TEST(ClusterOfReplicas, WhoIsRefusedTooEarlyAsksAgainBeforeAnElectionTimeout) {
  for (uint64_t seed = 30; seed < 40; ++seed) {
    VirtualCluster cluster(seed);
    const size_t leader = cluster.RunUntilLeader();
    const size_t ahead = (leader + 1) % VirtualCluster::kMembers;
    const size_t behind = (leader + 2) % VirtualCluster::kMembers;
    cluster.Run(5);
    cluster.Cut(leader, behind);
    cluster.Put(leader);
    cluster.Run(1);
    const raft::MemberId gone = cluster.member(leader).id();
    cluster.Crash(leader);
    cluster.Heal();
    cluster.member(ahead).SeeEndOf(gone);
    cluster.RunFor(absl::Milliseconds(100));
    ASSERT_NE(cluster.member(ahead).replica().soft_state().role, raft::Role::kLeader);
    cluster.member(behind).SeeEndOf(gone);
    cluster.RunFor(absl::Milliseconds(600));
    EXPECT_EQ(cluster.member(ahead).replica().soft_state().role, raft::Role::kLeader) << seed;
  }
}

// As a newer version may write it, once all say that they know it: an older one that is put in its
// place must not go on as if nothing had been there.
TEST(ClusterOfReplicas, ARequestThatIsNotKnownStopsTheMember) {
  static std::vector<std::string> said;
  said.clear();
  storage::SetFatalListener([](std::string_view text) { said.emplace_back(text); });
  VirtualCluster cluster(4);
  const size_t leader = cluster.RunUntilLeader();
  cluster.member(leader).ProposeRaw(EncodeProposal(1, static_cast<RequestKind>(9999), ""));
  cluster.Run(3);
  storage::SetFatalListener(nullptr);
  ASSERT_EQ(said.size(), VirtualCluster::kMembers);
  EXPECT_THAT(said[0], ::testing::HasSubstr("holds a request of kind 9999, which this version does "
                                            "not know: start a newer version"));
}

LogRetention TinyLog() { return {.entries = 5, .bytes = 1, .most_bytes = 1}; }

TEST(ClusterOfReplicas, AFollowerThatWasAwayForLongGetsASnapshot) {
  VirtualCluster cluster(20, TinyLog());
  const size_t leader = cluster.RunUntilLeader();
  const size_t away = (leader + 1) % VirtualCluster::kMembers;
  cluster.Run(20);  // who belongs to the cluster is written down
  cluster.CutOff(away);
  for (int i = 0; i < 400; ++i) {
    cluster.Put(leader);
    cluster.Run(1);
  }
  const raft::Index first = cluster.member(leader).replica().log().FirstIndex();
  ASSERT_GT(first, cluster.member(away).applied_index() + 1);
  cluster.Heal();
  cluster.Run(60);
  EXPECT_GE(cluster.member(away).replica().log().FirstIndex(), first);
  EXPECT_GE(cluster.member(away).applied_index(), first);
  cluster.CheckAgreement();
  cluster.Crash(away);
  cluster.member(away).Start();
  cluster.Run(60);
  cluster.CheckAgreement();
}

TEST(ClusterOfReplicas, WhoGetsASnapshotKnowsWhoBelongsToTheCluster) {
  VirtualCluster cluster(21, TinyLog());
  const size_t leader = cluster.RunUntilLeader();
  const size_t away = (leader + 1) % VirtualCluster::kMembers;
  cluster.Run(20);
  cluster.CutOff(away);
  bool added = false;
  cluster.member(leader).Change({.kind = MemberChange::Kind::kAdd,
                                 .id = 4,
                                 .peer_urls = {"http://10.0.0.4:2380"},
                                 .learner = true},
                                [&](const auto& members) { added = members.ok(); });
  for (int i = 0; i < 400; ++i) {
    cluster.Put(leader);
    cluster.Run(1);
  }
  ASSERT_TRUE(added);
  const raft::ConfState conf = cluster.member(leader).replica().conf_state();
  ASSERT_EQ(conf.learners.size(), 1u);
  ASSERT_GT(cluster.member(leader).replica().log().FirstIndex(),
            cluster.member(away).applied_index() + 1);
  cluster.Heal();
  cluster.Run(60);
  EXPECT_EQ(cluster.member(away).applied_index(), cluster.member(leader).applied_index());
  EXPECT_EQ(cluster.member(away).replica().conf_state(), conf);
}

TEST(ClusterOfReplicas, AReadOfACutOffLeaderIsNotAnsweredUntilItIsBack) {
  VirtualCluster cluster(4);
  const size_t old_leader = cluster.RunUntilLeader();
  cluster.Put(old_leader);
  cluster.Run(2);
  cluster.CutOff(old_leader);
  cluster.Get(old_leader);
  cluster.Run(60);
  EXPECT_FALSE(cluster.reads()[0].answered);
  // The others have gone on without it.
  cluster.Put((old_leader + 1) % VirtualCluster::kMembers);
  cluster.Run(30);
  ASSERT_EQ(cluster.writes()[1].state, State::kAcknowledged);
  cluster.Get(old_leader);
  cluster.Run(30);
  EXPECT_FALSE(cluster.reads()[1].answered);
  cluster.Heal();
  cluster.Run(60);
  EXPECT_TRUE(cluster.reads()[0].answered);
  EXPECT_TRUE(cluster.reads()[1].answered);
  EXPECT_EQ(cluster.reads()[1].revision, cluster.writes()[1].revision);
  cluster.CheckAgreement();
}

TEST(ClusterOfReplicas, AWriteToACutOffLeaderIsProposedAgainOnceTheNextLeaderIsHeard) {
  VirtualCluster cluster(5);
  const size_t old_leader = cluster.RunUntilLeader();
  cluster.CutOff(old_leader);
  cluster.Put(old_leader);
  cluster.Run(60);
  EXPECT_EQ(cluster.writes()[0].state, State::kWaiting);
  cluster.Heal();
  cluster.Run(60);
  EXPECT_EQ(cluster.writes()[0].state, State::kAcknowledged);
  cluster.CheckAgreement();
}

// Wherever the leader is in its hand-over when a follower's proposals come in.
TEST(ClusterOfReplicas, WritesDuringAHandOverAreAllAcknowledged) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    VirtualCluster cluster(seed);
    SeededRandom random(seed);
    for (int round = 0; round < 5; ++round) {
      const size_t leader = cluster.RunUntilLeader();
      const uint64_t hand_over_at = random.Below(60);
      for (uint64_t step = 0; step < 60; ++step) {
        if (step == hand_over_at) cluster.HandOver(leader);
        cluster.Put(random.Below(VirtualCluster::kMembers));
        cluster.DeliverSome();
      }
      cluster.Run(1);
    }
    cluster.RunUntilLeader();
    cluster.Run(2);
    for (const auto& write : cluster.writes()) {
      ASSERT_EQ(write.state, State::kAcknowledged) << "seed " << seed << ": " << write.key;
    }
    ASSERT_NO_FATAL_FAILURE(cluster.CheckAgreement());
  }
}

TEST(ClusterOfReplicas, AllCrashAndEveryAcknowledgedWriteIsThere) {
  VirtualCluster cluster(6);
  for (int round = 0; round < 5; ++round) {
    const size_t leader = cluster.RunUntilLeader();
    for (int i = 0; i < 20; ++i) cluster.Put((leader + i) % VirtualCluster::kMembers);
    cluster.Run(2);
    for (size_t place = 0; place < VirtualCluster::kMembers; ++place) cluster.Crash(place);
    for (size_t place = 0; place < VirtualCluster::kMembers; ++place) cluster.member(place).Start();
  }
  cluster.RunUntilLeader();
  cluster.Run(5);
  for (const auto& write : cluster.writes()) EXPECT_EQ(write.state, State::kAcknowledged);
  cluster.CheckAgreement();
}

TEST(ClusterOfReplicas, AFollowerThatWasDownCatchesUp) {
  VirtualCluster cluster(7);
  const size_t leader = cluster.RunUntilLeader();
  const size_t down = (leader + 1) % VirtualCluster::kMembers;
  cluster.Crash(down);
  for (int i = 0; i < 200; ++i) cluster.Put(leader);
  cluster.Run(5);
  cluster.member(down).Start();
  cluster.Run(60);
  EXPECT_EQ(cluster.member(down).applied_index(), cluster.member(leader).applied_index());
  cluster.CheckAgreement();
}

TEST(ClusterOfReplicas, FullDisksAreWaitedForAndNothingIsAcknowledgedMeanwhile) {
  VirtualCluster cluster(8);
  const size_t leader = cluster.RunUntilLeader();
  for (size_t place = 0; place < VirtualCluster::kMembers; ++place)
    cluster.member(place).disk().SetRoom(0);
  const auto all_wait = [&cluster] {
    size_t waiting = 0;
    for (size_t place = 0; place < VirtualCluster::kMembers; ++place)
      waiting += cluster.member(place).waits_for_room() ? 1 : 0;
    return waiting == VirtualCluster::kMembers;
  };
  for (int i = 0; i < 2000 && !all_wait(); ++i) {
    cluster.Put(leader);
    cluster.Run(1);
  }
  ASSERT_TRUE(all_wait()) << "what was prepared has no end";
  const auto count = [&cluster](State state) {
    return std::count_if(cluster.writes().begin(), cluster.writes().end(),
                         [state](const auto& write) { return write.state == state; });
  };
  const auto acknowledged = count(State::kAcknowledged);
  const size_t last = cluster.Put(leader);
  cluster.Run(5);
  EXPECT_EQ(cluster.writes()[last].state, State::kRefused);
  EXPECT_EQ(count(State::kAcknowledged), acknowledged);
  for (size_t place = 0; place < VirtualCluster::kMembers; ++place)
    cluster.member(place).disk().SetRoom(storage::MemoryFileSystem::kNever);
  cluster.RunUntilLeader();
  cluster.RunFor(absl::Seconds(10));
  EXPECT_EQ(count(State::kWaiting), 0);
  const size_t after = cluster.Put(leader);
  cluster.Run(5);
  EXPECT_EQ(cluster.writes()[after].state, State::kAcknowledged);
  cluster.CheckAgreement();
}

// Crashes, partitions, hung disks, lost and doubled messages. The checks are the cluster's.
TEST(ClusterOfReplicas, ChaosLosesNothingAndNeverLies) {
  size_t acknowledged = 0;
  size_t answered = 0;
  for (uint64_t seed = 100; seed < 150; ++seed) {
    SeededRandom random(seed);
    VirtualCluster cluster(seed, seed % 2 == 0 ? TinyLog() : LogRetention{});
    const auto any = [&random] { return random.Below(VirtualCluster::kMembers); };
    for (int step = 0; step < 6000; ++step) {
      cluster.RandomStep();
      const size_t place = any();
      if (random.OneIn(40) && cluster.member(place).running()) cluster.Put(place);
      if (random.OneIn(60) && cluster.member(place).running()) cluster.Get(place);
      if (random.OneIn(700)) cluster.CutOff(any());
      if (random.OneIn(500)) cluster.Heal();
      if (random.OneIn(700)) cluster.HangDisk(any());
      if (random.OneIn(400)) cluster.FreeDisks();
      if (random.OneIn(600) && cluster.member(place).running()) cluster.Crash(place);
      if (random.OneIn(100) && !cluster.member(place).running()) cluster.member(place).Start();
    }
    cluster.Heal();
    cluster.FreeDisks();
    for (size_t place = 0; place < VirtualCluster::kMembers; ++place) {
      if (!cluster.member(place).running()) cluster.member(place).Start();
    }
    // What the network lost on its way to this leader is known to be lost under the next one.
    cluster.HandOver(cluster.RunUntilLeader());
    cluster.Run(60);
    // What a snapshot may have brought is nobody's to answer: it times out, on a clock that goes.
    for (const auto& write : cluster.writes()) {
      if (seed % 2 == 0) break;
      ASSERT_NE(write.state, State::kWaiting) << "seed " << seed << ": " << write.key;
    }
    ASSERT_NO_FATAL_FAILURE(cluster.CheckAgreement());
    for (const auto& write : cluster.writes()) acknowledged += write.state == State::kAcknowledged;
    for (const auto& read : cluster.reads()) answered += read.answered;
  }
  // The chaos leaves room for work: otherwise the checks had nothing to look at.
  EXPECT_GT(acknowledged, 500u);
  EXPECT_GT(answered, 300u);
}

}  // namespace
}  // namespace pintle::server::replica

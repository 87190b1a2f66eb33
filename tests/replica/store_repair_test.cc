// Stores that cannot be used as they are, in whole clusters: found out, filled again, served again.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kv/content_hash.h"
#include "kv/record.h"
#include "tests/replica/virtual_cluster.h"

namespace pintle::server::replica {
namespace {

using State = VirtualCluster::Write::State;
constexpr size_t kMembers = VirtualCluster::kMembers;

class StoreRepairTest : public ::testing::Test {
 protected:
  // One write at a time; every member has it at the end.
  void Put(VirtualCluster& cluster, size_t place, int count) {
    for (int i = 0; i < count; ++i) {
      cluster.Put(place);
      cluster.Run(1);
    }
  }
  static std::vector<kv::Alarm> AlarmsAt(VirtualCluster& cluster, size_t place) {
    return cluster.member(place).store().view()->Alarms();
  }
  static size_t Waiting(const VirtualCluster& cluster) {
    return static_cast<size_t>(
        std::count_if(cluster.writes().begin(), cluster.writes().end(),
                      [](const auto& write) { return write.state == State::kWaiting; }));
  }
};

// What a stored pair was, it is no more; its checksum is right.
void ChangeAValue(kv::MemoryBackend& store) {
  std::string key;
  std::string value;
  ASSERT_TRUE(store
                  .Scan(kv::FirstRecordKey(0), kv::FirstLeaseKey(),
                        [&](std::string_view first, std::string_view pair) {
                          key = first;
                          value = pair;
                          return false;
                        })
                  .ok());
  if (key.empty()) return;  // never flushed
  kv::KeyValueView pair;
  ASSERT_TRUE(kv::ParseKeyValue(value, pair));
  pair.value = "rotten";
  kv::BackendBatch batch;
  batch.Put(key, kv::EncodeKeyValue(pair));
  ASSERT_TRUE(store.Apply(batch).ok());
}

// As if an entry had been applied differently, long ago.
void ChangeTheChain(kv::MemoryBackend& store) {
  const auto stored = store.Get(kv::StateKey());
  if (!stored.ok()) return;  // never flushed
  kv::StoredState state = *kv::ParseState(*stored);
  state.hash ^= 1;
  kv::BackendBatch batch;
  batch.Put(kv::StateKey(), kv::EncodeState(state));
  ASSERT_TRUE(store.Apply(batch).ok());
}

uint64_t ContentOf(const VirtualMember& member) {
  kv::ContentHash hash(member.store().NewSnapshot());
  while (!hash.done()) EXPECT_TRUE(hash.Step(1 << 20).ok());
  return hash.hash();
}

TEST_F(StoreRepairTest, AStoreWithoutRoomGoesOnWhenThereIsSome) {
  VirtualCluster cluster(31);
  const size_t leader = cluster.RunUntilLeader();
  const size_t full = (leader + 1) % kMembers;
  Put(cluster, leader, 30);
  cluster.member(full).SetRoom(false);
  Put(cluster, leader, 5);
  EXPECT_LT(cluster.member(full).applied_index(), cluster.member(leader).applied_index());
  EXPECT_TRUE(cluster.member(full).usable()) << "what it has is right";
  cluster.RunFor(absl::Seconds(8));
  const kv::Alarm alarm{cluster.member(full).id().value(), kv::AlarmType::kNoSpace, true};
  EXPECT_EQ(AlarmsAt(cluster, leader), std::vector<kv::Alarm>{alarm});

  cluster.member(full).SetRoom(true);
  cluster.RunFor(absl::Seconds(3));
  EXPECT_EQ(AlarmsAt(cluster, leader), std::vector<kv::Alarm>{});
  Put(cluster, full, 5);
  cluster.Run(20);
  EXPECT_EQ(Waiting(cluster), 0u);
  cluster.CheckAgreement();
}

TEST_F(StoreRepairTest, ALeaderWithoutRoomToo) {
  VirtualCluster cluster(32);
  const size_t leader = cluster.RunUntilLeader();
  Put(cluster, leader, 30);
  cluster.member(leader).SetRoom(false);
  cluster.Put(leader);
  cluster.RunFor(absl::Seconds(1));
  cluster.Get(leader);
  cluster.RunFor(absl::Seconds(1));
  EXPECT_EQ(Waiting(cluster), 1u);
  EXPECT_FALSE(cluster.reads()[0].answered);
  cluster.member(leader).SetRoom(true);
  cluster.RunFor(absl::Seconds(3));
  EXPECT_EQ(Waiting(cluster), 0u);
  EXPECT_TRUE(cluster.reads()[0].answered);
  cluster.CheckAgreement();
}

TEST_F(StoreRepairTest, ASilentMembersFullDiskStopsNobody) {
  VirtualCluster cluster(33);
  const size_t leader = cluster.RunUntilLeader();
  const size_t full = (leader + 1) % kMembers;
  Put(cluster, leader, 3);
  cluster.member(full).SetRoom(false);
  Put(cluster, leader, 1);
  cluster.RunFor(absl::Seconds(8));
  EXPECT_EQ(AlarmsAt(cluster, leader).size(), 1u);
  cluster.CutOff(full);
  cluster.RunFor(absl::Seconds(8));
  EXPECT_EQ(AlarmsAt(cluster, leader).size(), 0u);
}

TEST_F(StoreRepairTest, ADamagedFollowerIsFilledFromItsLog) {
  VirtualCluster cluster(34);
  const size_t leader = cluster.RunUntilLeader();
  const size_t damaged = (leader + 1) % kMembers;
  Put(cluster, leader, 50);
  cluster.member(damaged).DamageStore();
  // Values are cached: a scan of history has to read.
  EXPECT_FALSE(cluster.member(damaged)
                   .store()
                   .view()
                   ->Events({std::string(1, '\0'), std::string(1, '\0')}, 1, 1 << 20)
                   .ok());
  while (cluster.member(damaged).ApplyBatch() && cluster.member(damaged).usable()) {
  }
  EXPECT_FALSE(cluster.member(damaged).usable());
  cluster.Run(20);
  EXPECT_TRUE(cluster.member(damaged).usable());
  cluster.CheckAgreement();
}

TEST_F(StoreRepairTest, ADamagedLeaderHandsOver) {
  VirtualCluster cluster(35);
  const size_t leader = cluster.RunUntilLeader();
  Put(cluster, leader, 50);
  cluster.member(leader).DamageStore();
  EXPECT_FALSE(cluster.member(leader)
                   .store()
                   .view()
                   ->Events({std::string(1, '\0'), std::string(1, '\0')}, 1, 1 << 20)
                   .ok());
  cluster.Run(30);
  EXPECT_TRUE(cluster.member(leader).usable());
  Put(cluster, leader, 5);
  cluster.Run(30);
  EXPECT_EQ(Waiting(cluster), 0u);
  cluster.CheckAgreement();
}

TEST_F(StoreRepairTest, WithoutItsOldLogADamagedMemberGetsASnapshot) {
  VirtualCluster cluster(36, {.entries = 5, .bytes = 1, .most_bytes = 1});
  const size_t leader = cluster.RunUntilLeader();
  const size_t damaged = (leader + 1) % kMembers;
  cluster.Run(20);
  Put(cluster, leader, 200);
  ASSERT_GT(cluster.member(damaged).replica().log().FirstIndex(), raft::Index(1));
  cluster.member(damaged).DamageStore();
  (void)cluster.member(damaged).store().view()->Events({std::string(1, '\0'), std::string(1, '\0')},
                                                       1, 1 << 20);
  cluster.Run(60);
  EXPECT_TRUE(cluster.member(damaged).usable());
  cluster.CheckAgreement();
  cluster.Crash(damaged);
  cluster.member(damaged).Start();
  cluster.Run(60);
  cluster.CheckAgreement();
}

TEST_F(StoreRepairTest, TheOddChainIsFoundAndMadeAnew) {
  VirtualCluster cluster(37);
  const size_t leader = cluster.RunUntilLeader();
  const size_t odd = (leader + 1) % kMembers;
  Put(cluster, leader, 20);
  cluster.Run(5);
  ASSERT_EQ(cluster.member(odd).store().hash(), cluster.member(leader).store().hash());
  cluster.member(odd).FlushStore();
  cluster.Crash(odd);
  cluster.member(odd).RewriteStore(ChangeTheChain);
  cluster.member(odd).Start();
  cluster.Run(20);
  Put(cluster, leader, static_cast<int>(kCheckpointEvery));
  EXPECT_NE(cluster.member(odd).store().hash(), cluster.member(leader).store().hash());
  cluster.RunFor(absl::Seconds(4));
  EXPECT_TRUE(cluster.member(odd).usable());
  EXPECT_EQ(cluster.member(odd).store().hash(), cluster.member(leader).store().hash());
  cluster.CheckAgreement();
  EXPECT_EQ(AlarmsAt(cluster, leader).size(), 0u);
}

TEST_F(StoreRepairTest, AChangedValueIsFoundByTheContentCheck) {
  VirtualCluster cluster(38);
  const size_t leader = cluster.RunUntilLeader();
  const size_t odd = (leader + 1) % kMembers;
  Put(cluster, leader, 50);
  cluster.member(odd).RewriteStore(ChangeAValue);
  ASSERT_NE(ContentOf(cluster.member(odd)), ContentOf(cluster.member(leader)));
  cluster.RunFor(absl::Seconds(30));
  cluster.Run(20);
  EXPECT_TRUE(cluster.member(odd).usable());
  EXPECT_EQ(ContentOf(cluster.member(odd)), ContentOf(cluster.member(leader)));
  cluster.CheckAgreement();
}

}  // namespace
}  // namespace pintle::server::replica

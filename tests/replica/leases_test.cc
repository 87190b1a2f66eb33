// Leases in a whole cluster: what a change of leaders may give away and never takes, and what a
// renewal waits for (docs/decisions/0011). Virtual time.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "proto/etcd/rpc.pb.h"
#include "tests/replica/virtual_cluster.h"

namespace pintle::server::replica {
namespace {

using LeaseTime = LocalMember::LeaseTime;

// VirtualMember's options.
constexpr absl::Duration kCheckpointInterval = absl::Minutes(5);
constexpr absl::Duration kElectionTimeout = absl::Seconds(1);
constexpr absl::Duration kTtl = absl::Seconds(1200);
constexpr kv::LeaseId kLease(7);

class LeasesTest : public ::testing::Test {
 protected:
  LeasesTest() {
    leader_ = cluster_.RunUntilLeader();
    RunFor(absl::Seconds(2));
    etcdserverpb::LeaseGrantRequest grant;
    grant.set_id(kLease.value());
    grant.set_ttl(absl::ToInt64Seconds(kTtl));
    cluster_.member(leader_).Propose(
        RequestKind::kLeaseGrant, grant.SerializeAsString(),
        [](const absl::StatusOr<Applied>& applied) { EXPECT_TRUE(applied.ok()); });
    cluster_.Run(1);
    elapsed_ = absl::ZeroDuration();
  }

  void RunFor(absl::Duration time) {
    cluster_.RunFor(time);
    elapsed_ += time;
  }
  void HangDisks() {
    for (size_t place = 0; place < VirtualCluster::kMembers; ++place) cluster_.HangDisk(place);
  }
  bool Granted(size_t place) const {
    return cluster_.member(place).store().view()->Lease(kLease).has_value();
  }
  // Without its leader, the others agree on another one. How long that took.
  absl::Duration ChangeLeaders() {
    const absl::Duration before = elapsed_;
    cluster_.Crash(leader_);
    const size_t old = leader_;
    while (leader_ == old) {
      RunFor(absl::Milliseconds(100));
      leader_ = cluster_.RunUntilLeader();
    }
    return elapsed_ - before;
  }
  std::optional<int64_t>& KeepAlive() {
    renewed_.reset();
    cluster_.member(leader_).KeepAlive(kLease, [this](absl::StatusOr<int64_t> ttl) {
      ASSERT_TRUE(ttl.ok()) << ttl.status();
      renewed_ = *ttl;
    });
    cluster_.Run(1);
    return renewed_;
  }
  LeaseTime TimeToLive() {
    std::optional<LeaseTime> told;
    cluster_.member(leader_).TimeToLive(kLease, [&](absl::StatusOr<LeaseTime> time) {
      ASSERT_TRUE(time.ok()) << time.status();
      told = *time;
    });
    for (int i = 0; i < 10 && !told; ++i) cluster_.Run(1);
    EXPECT_TRUE(told.has_value());
    return told.value_or(LeaseTime());
  }

  mutable VirtualCluster cluster_{41};
  size_t leader_ = 0;
  absl::Duration elapsed_;
  std::optional<int64_t> renewed_;
};

TEST_F(LeasesTest, AChangeOfLeadersProlongsByAnIntervalAndAnElectionTimeoutAtMost) {
  RunFor(kTtl * 7 / 12);
  const absl::Duration leaderless = ChangeLeaders();
  while (Granted(leader_) && elapsed_ < 3 * kTtl) RunFor(absl::Milliseconds(500));
  EXPECT_GE(elapsed_, kTtl) << "never shorter";
  // And a second: what is left is written down in whole ones, and the revocation takes its time.
  EXPECT_LE(elapsed_,
            kTtl + kCheckpointInterval + kElectionTimeout + leaderless + absl::Seconds(1));
}

TEST_F(LeasesTest, ARenewalAfterACheckpointIsReplicatedBeforeItIsPromised) {
  HangDisks();
  EXPECT_EQ(KeepAlive(), 1200) << "nothing is written down yet: the leader's word is enough";
  cluster_.FreeDisks();
  RunFor(kCheckpointInterval + absl::Seconds(1));
  HangDisks();
  EXPECT_EQ(KeepAlive(), std::nullopt) << "the log says that less is left";
  cluster_.Run(5);
  EXPECT_EQ(renewed_, std::nullopt);
  cluster_.FreeDisks();
  cluster_.Run(2);
  EXPECT_EQ(renewed_, 1200);
  HangDisks();
  EXPECT_EQ(KeepAlive(), 1200) << "and from now on it is enough again";
  cluster_.FreeDisks();
  ChangeLeaders();
  EXPECT_GE(TimeToLive().ttl_seconds, 1200) << "what was promised is kept by the next leader";
}

// etcd-api 1.3: until its revocation is applied it is told as a lease that has nothing left.
TEST_F(LeasesTest, AnExpiredLeaseIsToldUntilItIsRevoked) {
  RunFor(kTtl - absl::Seconds(1));
  HangDisks();
  RunFor(absl::Milliseconds(2500));
  LeaseTime time = TimeToLive();
  EXPECT_EQ(time.granted_ttl_seconds, 1200);
  EXPECT_LE(time.ttl_seconds, 0);
  EXPECT_EQ(KeepAlive(), 0);
  cluster_.FreeDisks();
  cluster_.Run(5);
  time = TimeToLive();
  EXPECT_EQ(time.granted_ttl_seconds, 0);
  EXPECT_EQ(time.ttl_seconds, -1);
}

}  // namespace
}  // namespace pintle::server::replica

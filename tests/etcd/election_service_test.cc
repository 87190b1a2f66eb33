// v3electionpb.Election: candidacies, proclamations, observers (etcd-api 1.7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/etcd/harness.h"
#include "tests/etcd/waiting_call.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ElectionServiceTest : public ::testing::Test {
 protected:
  ElectionServiceTest() {
    for (const char* id : {"31", "32"}) {
      harness_.Ask("etcdserverpb.Lease/LeaseGrant", std::string("TTL: 60 ID: ") + id);
    }
  }
  std::string Ask(const std::string& method, const std::string& request) {
    return harness_.Ask("v3electionpb.Election/" + method, request);
  }

  const std::string campaign_ = "v3electionpb.Election/Campaign";
  const std::string first_ = R"(leader { name: "a" key: "a/1f" rev: 2 lease: 31 })";
  Harness harness_;
};

TEST_F(ElectionServiceTest, CampaignProclaimLeaderResign) {
  EXPECT_EQ(Ask("Leader", R"(name: "a")"), "UNKNOWN: election: no leader");
  EXPECT_EQ(Ask("Campaign", R"(name: "a" lease: 31 value: "x")"),
            "header { revision: 2 } " + first_);
  EXPECT_EQ(Ask("Leader", R"(name: "a")"),
            R"(header { revision: 2 } kv { key: "a/1f" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 value: "x" lease: 31 })");
  EXPECT_EQ(Ask("Proclaim", first_ + R"( value: "y")"), "header { revision: 3 }");
  EXPECT_EQ(Ask("Leader", R"(name: "a")"),
            R"(header { revision: 3 } kv { key: "a/1f" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "y" lease: 31 })");
  EXPECT_EQ(Ask("Resign", first_), "header { revision: 4 }");
  EXPECT_EQ(Ask("Resign", first_), "header { revision: 4 }") << "not an error";
  EXPECT_EQ(Ask("Proclaim", first_ + R"( value: "z")"), "UNKNOWN: election: not leader");
}

TEST_F(ElectionServiceTest, CandidateAgainProclaimsItsNewValue) {
  Ask("Campaign", R"(name: "a" lease: 31 value: "x")");
  EXPECT_EQ(Ask("Campaign", R"(name: "a" lease: 31 value: "x")"),
            "header { revision: 2 } " + first_);
  EXPECT_EQ(Ask("Campaign", R"(name: "a" lease: 31 value: "y")"),
            "header { revision: 2 } " + first_)
      << "the header is that of the first transaction";
  EXPECT_EQ(Ask("Leader", R"(name: "a")"),
            R"(header { revision: 3 } kv { key: "a/1f" create_revision: 2 mod_revision: 3 )"
            R"(version: 2 value: "y" lease: 31 })");
}

TEST_F(ElectionServiceTest, TheNextWinsWhenTheFirstIsGone) {
  Ask("Campaign", R"(name: "a" lease: 31)");
  WaitingCall second(harness_, campaign_, R"(name: "a" lease: 32 value: "v")");
  EXPECT_EQ(second.Answer(), "waits");
  harness_.Ask("etcdserverpb.Lease/LeaseRevoke", "ID: 31");
  EXPECT_EQ(second.Answer(), R"(header { revision: 3 } )"
                             R"(leader { name: "a" key: "a/20" rev: 3 lease: 32 })");
}

TEST_F(ElectionServiceTest, WhoGivesUpResigns) {
  Ask("Campaign", R"(name: "a" lease: 31)");
  WaitingCall second(harness_, campaign_, R"(name: "a" lease: 32)");
  second.Cancel();
  EXPECT_EQ(harness_.Ask("etcdserverpb.KV/Range", R"(key: "a/20")"), "header { revision: 4 }");
}

TEST_F(ElectionServiceTest, Errors) {
  const std::string missing = "UNKNOWN: \"leader\" field must be provided";
  EXPECT_EQ(Ask("Proclaim", R"(value: "x")"), missing);
  EXPECT_EQ(Ask("Resign", ""), missing);
  EXPECT_EQ(Ask("Campaign", R"(name: "a" lease: 77)"),
            "UNKNOWN: etcdserver: requested lease not found");
  harness_.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(Ask("Leader", R"(name: "a")"), "UNKNOWN: etcdserver: request timed out");
  EXPECT_EQ(Ask("Resign", first_), "UNKNOWN: etcdserver: request timed out");
}

TEST_F(ElectionServiceTest, ObserveFollowsLeaders) {
  StreamClient observer(harness_, "v3electionpb.Election/Observe");
  observer.Send(R"(name: "a")");
  EXPECT_THAT(observer.Take(), IsEmpty());
  Ask("Campaign", R"(name: "a" lease: 31 value: "x")");
  EXPECT_THAT(observer.Take(),
              ElementsAre(R"(header { revision: 2 } kv { key: "a/1f" create_revision: 2 )"
                          R"(mod_revision: 2 version: 1 value: "x" lease: 31 })"));
  WaitingCall second(harness_, campaign_, R"(name: "a" lease: 32 value: "z")");
  EXPECT_THAT(observer.Take(), IsEmpty());
  Ask("Proclaim", first_ + R"( value: "y")");
  EXPECT_THAT(observer.Take(),
              ElementsAre(R"(header { revision: 4 } kv { key: "a/1f" create_revision: 2 )"
                          R"(mod_revision: 4 version: 2 value: "y" lease: 31 })"));
  Ask("Resign", first_);
  EXPECT_THAT(observer.Take(),
              ElementsAre(R"(header { revision: 5 } kv { key: "a/20" create_revision: 3 )"
                          R"(mod_revision: 3 version: 1 value: "z" lease: 32 })"));
}

TEST_F(ElectionServiceTest, AnObservationThatIsRefusedEndsWithoutAnError) {
  StreamClient observer(harness_, "v3electionpb.Election/Observe");
  harness_.member.refuse = replica::ErrTimeout();
  observer.Send(R"(name: "a")");
  EXPECT_TRUE(observer.call().ended());
  EXPECT_TRUE(observer.call().status().ok()) << observer.call().status();
}

TEST_F(ElectionServiceTest, AnObserverThatGoesLeavesNothingBehind) {
  {
    StreamClient observer(harness_, "v3electionpb.Election/Observe");
    observer.Send(R"(name: "a")");
    Ask("Campaign", R"(name: "a" lease: 31)");
    EXPECT_EQ(harness_.member.hub().stats().subscriptions, 1);
  }
  EXPECT_EQ(harness_.member.hub().stats().subscriptions, 0);
}

}  // namespace
}  // namespace pintle::server::etcd::testing

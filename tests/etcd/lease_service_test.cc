// Lease: grant, revoke, keep-alive stream, time to live, list (etcd-api 1.3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kKeepAlive[] = "etcdserverpb.Lease/LeaseKeepAlive";

class LeaseServiceTest : public ::testing::Test {
 protected:
  std::string Ask(const std::string& method, const std::string& request) {
    return harness_.Ask("etcdserverpb.Lease/" + method, request);
  }
  Harness harness_;
};

TEST_F(LeaseServiceTest, GrantRaisesTheTtlAndKeepsTheRevision) {
  EXPECT_EQ(Ask("LeaseGrant", "ID: 5 TTL: 100"), "header { revision: 1 } ID: 5 TTL: 100");
  EXPECT_EQ(Ask("LeaseGrant", "ID: 6 TTL: 1"), "header { revision: 1 } ID: 6 TTL: 2");
  EXPECT_EQ(Ask("LeaseGrant", "ID: 7 TTL: -3"), "header { revision: 1 } ID: 7 TTL: 2");
  EXPECT_EQ(Ask("LeaseGrant", "ID: -8 TTL: 9000000000"),
            "header { revision: 1 } ID: -8 TTL: 9000000000");
}

TEST_F(LeaseServiceTest, GrantErrors) {
  Ask("LeaseGrant", "ID: 5 TTL: 100");
  EXPECT_EQ(Ask("LeaseGrant", "ID: 5 TTL: 100"),
            "FAILED_PRECONDITION: etcdserver: lease already exists");
  EXPECT_EQ(Ask("LeaseGrant", "ID: 6 TTL: 9000000001"),
            "OUT_OF_RANGE: etcdserver: too large lease TTL");
}

TEST_F(LeaseServiceTest, GrantChoosesIds) {
  for (int i = 0; i < 50; ++i) Ask("LeaseGrant", "TTL: 100");
  std::set<int64_t> ids;
  for (const auto& lease : harness_.member.view()->Leases()) ids.insert(lease.id.value());
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_GT(*ids.begin(), 0);
}

TEST_F(LeaseServiceTest, RevokeDeletesTheKeysInOneRevision) {
  Ask("LeaseGrant", "ID: 5 TTL: 100");
  harness_.Ask("etcdserverpb.KV/Put", R"(key: "b" lease: 5)");
  harness_.Ask("etcdserverpb.KV/Put", R"(key: "a" lease: 5)");
  EXPECT_EQ(Ask("LeaseTimeToLive", "ID: 5"),
            "header { revision: 3 } ID: 5 TTL: 99 grantedTTL: 100");
  EXPECT_EQ(Ask("LeaseTimeToLive", "ID: 5 keys: true"),
            R"(header { revision: 3 } ID: 5 TTL: 99 grantedTTL: 100 keys: "a" keys: "b")");
  EXPECT_EQ(Ask("LeaseRevoke", "ID: 5"), "header { revision: 4 }");
  EXPECT_EQ(Ask("LeaseRevoke", "ID: 5"), "NOT_FOUND: etcdserver: requested lease not found");
  EXPECT_EQ(Ask("LeaseTimeToLive", "ID: 5 keys: true"), "header { revision: 4 } ID: 5 TTL: -1");
}

TEST_F(LeaseServiceTest, Leases) {
  EXPECT_EQ(Ask("LeaseLeases", ""), "header { revision: 1 }");
  Ask("LeaseGrant", "ID: 5 TTL: 100");
  Ask("LeaseGrant", "ID: 4 TTL: 100");
  EXPECT_EQ(Ask("LeaseLeases", ""), "header { revision: 1 } leases { ID: 4 } leases { ID: 5 }");
}

TEST_F(LeaseServiceTest, MemberRefuses) {
  harness_.member.refuse = replica::ErrNoLeader();
  const std::string no_leader = "UNAVAILABLE: etcdserver: no leader";
  EXPECT_EQ(Ask("LeaseGrant", "TTL: 5"), no_leader);
  EXPECT_EQ(Ask("LeaseRevoke", "ID: 5"), no_leader);
  EXPECT_EQ(Ask("LeaseTimeToLive", "ID: 5"), no_leader);
  StreamClient stream(harness_, kKeepAlive);
  stream.Send("ID: 5");
  EXPECT_EQ(Text(stream.call().status()), no_leader);
}

TEST_F(LeaseServiceTest, KeepAliveAnswersEachRequestInTurn) {
  Ask("LeaseGrant", "ID: 5 TTL: 100");
  Ask("LeaseGrant", "ID: -6 TTL: 50");
  StreamClient stream(harness_, kKeepAlive);
  for (const char* request : {"ID: 5", "ID: 77", "ID: -6", "ID: 5"}) stream.Send(request);
  EXPECT_THAT(stream.Take(),
              ElementsAre("header { revision: 1 } ID: 5 TTL: 100", "header { revision: 1 } ID: 77",
                          "header { revision: 1 } ID: -6 TTL: 50",
                          "header { revision: 1 } ID: 5 TTL: 100"));
  EXPECT_FALSE(stream.call().ended());
  stream.HalfClose();
  EXPECT_TRUE(stream.call().status().ok());
}

TEST_F(LeaseServiceTest, KeepAliveHeaderIsFromBeforeTheRenewal) {
  Ask("LeaseGrant", "ID: 5 TTL: 100");
  harness_.member.hold_keep_alives = true;
  StreamClient stream(harness_, kKeepAlive);
  stream.Send("ID: 5");
  stream.Send("ID: 5");
  stream.HalfClose();
  harness_.member.loop.Put("a", "0");
  EXPECT_THAT(stream.Take(), IsEmpty());
  harness_.member.AnswerKeepAlive();
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 1 } ID: 5 TTL: 100"));
  EXPECT_FALSE(stream.call().ended()) << "one is still waiting";
  harness_.member.AnswerKeepAlive();
  EXPECT_THAT(stream.Take(), ElementsAre("header { revision: 2 } ID: 5 TTL: 100"));
  EXPECT_TRUE(stream.call().status().ok());
}

TEST_F(LeaseServiceTest, KeepAlivesWaitingAreBounded) {
  harness_.member.hold_keep_alives = true;
  StreamClient stream(harness_, kKeepAlive);
  for (int i = 0; i < 1025; ++i) stream.Send("ID: 5");
  EXPECT_FALSE(stream.call().ended());
  stream.Send("ID: 5");
  EXPECT_EQ(stream.call().status().code(), absl::StatusCode::kResourceExhausted);
  harness_.member.AnswerKeepAlive();  // comes too late and is dropped
}

}  // namespace
}  // namespace pintle::server::etcd::testing

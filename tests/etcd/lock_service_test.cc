// v3lockpb.Lock: keys, headers, errors, queueing, giving up, expiry (etcd-api 1.6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/etcd/harness.h"
#include "tests/etcd/waiting_call.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kLock[] = "v3lockpb.Lock/Lock";
constexpr char kUnlock[] = "v3lockpb.Lock/Unlock";

class LockServiceTest : public ::testing::Test {
 protected:
  LockServiceTest() {
    for (const char* id : {"31", "32", "33"}) Grant(id);
  }
  void Grant(const std::string& id) {
    harness_.Ask("etcdserverpb.Lease/LeaseGrant", "TTL: 60 ID: " + id);
  }
  std::string Keys() {
    return harness_.Ask("etcdserverpb.KV/Range",
                        R"(key: "\000" range_end: "\000" keys_only: true count_only: true)");
  }

  Harness harness_;
};

TEST_F(LockServiceTest, KeyIsNameAndLease) {
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a" lease: 31)"), R"(header { revision: 2 } key: "a/1f")");
  EXPECT_EQ(harness_.Ask("etcdserverpb.KV/Range", R"(key: "a/1f")"),
            R"(header { revision: 2 } kvs { key: "a/1f" create_revision: 2 mod_revision: 2 )"
            R"(version: 1 lease: 31 } count: 1)");
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a" lease: 31)"), R"(header { revision: 2 } key: "a/1f")")
      << "who holds it gets it again";
  EXPECT_EQ(harness_.Ask(kUnlock, R"(key: "a/1f")"), "header { revision: 3 }");
  EXPECT_EQ(harness_.Ask(kUnlock, R"(key: "a/1f")"), "header { revision: 3 }");
}

TEST_F(LockServiceTest, WithoutLeaseOneOfAMinuteIsGranted) {
  const std::string answer = harness_.Ask(kLock, R"(name: "a")");
  EXPECT_THAT(answer, StartsWith(R"(header { revision: 2 } key: "a/)"));
  const auto leases = harness_.member.view()->Leases();
  ASSERT_EQ(leases.size(), 4U);
  EXPECT_EQ(leases.back().granted_ttl_seconds, 60);
}

TEST_F(LockServiceTest, ErrorsAreTheInnerOnesWithUnknown) {
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a" lease: 77)"),
            "UNKNOWN: etcdserver: requested lease not found");
  EXPECT_EQ(harness_.Ask(kUnlock, ""), "UNKNOWN: etcdserver: key is not provided");
  harness_.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a")"), "UNKNOWN: etcdserver: request timed out");
  EXPECT_EQ(harness_.Ask(kUnlock, R"(key: "a")"), "UNKNOWN: etcdserver: request timed out");
}

TEST_F(LockServiceTest, WaitersComeInOrder) {
  harness_.Ask(kLock, R"(name: "a" lease: 31)");
  WaitingCall second(harness_, kLock, R"(name: "a" lease: 32)");
  WaitingCall third(harness_, kLock, R"(name: "a" lease: 33)");
  EXPECT_EQ(second.Answer(), "waits");
  EXPECT_EQ(third.Answer(), "waits");
  harness_.Ask(kUnlock, R"(key: "a/1f")");
  EXPECT_EQ(second.Answer(), R"(header { revision: 5 } key: "a/20")");
  EXPECT_EQ(third.Answer(), "waits");
  harness_.Ask("etcdserverpb.Lease/LeaseRevoke", "ID: 32");
  EXPECT_EQ(third.Answer(), R"(header { revision: 6 } key: "a/21")");
}

TEST_F(LockServiceTest, NamesDoNotMeet) {
  harness_.Ask(kLock, R"(name: "a" lease: 31)");
  EXPECT_THAT(harness_.Ask(kLock, R"(name: "ab" lease: 32)"), HasSubstr(R"(key: "ab/20")"));
  EXPECT_THAT(harness_.Ask(kLock, R"(name: "" lease: 32)"), HasSubstr(R"(key: "/20")"));
}

TEST_F(LockServiceTest, WhoGivesUpTakesItsKeyBack) {
  harness_.Ask(kLock, R"(name: "a" lease: 31)");
  WaitingCall second(harness_, kLock, R"(name: "a" lease: 32)");
  WaitingCall third(harness_, kLock, R"(name: "a" lease: 33)");
  second.Cancel();
  EXPECT_EQ(Keys(), "header { revision: 5 } count: 2");
  EXPECT_EQ(third.Answer(), "waits");
  harness_.Ask(kUnlock, R"(key: "a/1f")");
  EXPECT_EQ(third.Answer(), R"(header { revision: 6 } key: "a/21")");
  third.Cancel();
  EXPECT_EQ(Keys(), "header { revision: 6 } count: 1") << "what is held stays";
}

TEST_F(LockServiceTest, AWaiterWhoseLeaseEndsIsTold) {
  harness_.Ask(kLock, R"(name: "a" lease: 31)");
  WaitingCall second(harness_, kLock, R"(name: "a" lease: 32)");
  harness_.Ask("etcdserverpb.Lease/LeaseRevoke", "ID: 32");
  EXPECT_EQ(second.Answer(), "waits");
  harness_.Ask(kUnlock, R"(key: "a/1f")");
  EXPECT_EQ(second.Answer(), "UNKNOWN: mutex: session is expired");
}

TEST_F(LockServiceTest, AReadThatFailsWhileWaitingGivesTheKeyBack) {
  harness_.Ask(kLock, R"(name: "a" lease: 31)");
  harness_.member.refuse_reads = replica::ErrNoLeader();
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a" lease: 32)"), "UNKNOWN: etcdserver: no leader");
  harness_.member.refuse_reads = absl::OkStatus();
  EXPECT_EQ(Keys(), "header { revision: 4 } count: 1");
}

TEST_F(LockServiceTest, LearnersDoNotLock) {
  harness_.member.learner = true;
  EXPECT_EQ(harness_.Ask(kLock, R"(name: "a")"),
            "FAILED_PRECONDITION: etcdserver: rpc not supported for learner");
}

}  // namespace
}  // namespace pintle::server::etcd::testing

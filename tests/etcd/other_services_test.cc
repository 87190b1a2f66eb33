// Cluster, Maintenance, health, and what is not built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ClusterServiceTest, MemberList) {
  Harness harness;
  harness.member.loop.Put("a", "0");
  const std::string list =
      R"(header { } members { ID: 49 name: "one" peerURLs: "http://127.0.0.1:2380" )"
      R"(clientURLs: "http://127.0.0.1:2379" } members { ID: 50 peerURLs: )"
      R"("http://127.0.0.1:2390" isLearner: true })";
  EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberList", "linearizable: true"), list);
  EXPECT_EQ(harness.member.reads, 1);
  harness.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberList", "linearizable: true"),
            "UNAVAILABLE: etcdserver: request timed out");
  EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberList", ""), list);
}

TEST(ClusterServiceTest, ChangesReachTheMember) {
  Harness harness;
  const auto changes = [&]() -> auto& { return harness.member.changes; };
  EXPECT_THAT(harness.Ask("etcdserverpb.Cluster/MemberAdd",
                          R"(peerURLs: "http://10.0.0.9:2380" isLearner: true)"),
              ::testing::StartsWith("header { } members { ID: 49"));
  EXPECT_EQ(changes().back().kind, replica::MemberChange::Kind::kAdd);
  EXPECT_THAT(changes().back().peer_urls, ElementsAre("http://10.0.0.9:2380"));
  EXPECT_TRUE(changes().back().learner);
  EXPECT_NE(changes().back().id, 0U);
  harness.Ask("etcdserverpb.Cluster/MemberAdd", R"(peerURLs: "http://b:1" peerURLs: "http://a:1")");
  EXPECT_THAT(changes().back().peer_urls, ElementsAre("http://a:1", "http://b:1"));
  harness.Ask("etcdserverpb.Cluster/MemberRemove", "ID: 50");
  EXPECT_EQ(changes().back().kind, replica::MemberChange::Kind::kRemove);
  EXPECT_EQ(changes().back().id, 50U);
  harness.Ask("etcdserverpb.Cluster/MemberUpdate", R"(ID: 50 peerURLs: "http://a:1")");
  EXPECT_EQ(changes().back().kind, replica::MemberChange::Kind::kUpdate);
  EXPECT_THAT(changes().back().peer_urls, ElementsAre("http://a:1"));
  harness.Ask("etcdserverpb.Cluster/MemberPromote", "ID: 50");
  EXPECT_EQ(changes().back().kind, replica::MemberChange::Kind::kPromote);
  harness.member.refuse = replica::ErrNotEnoughStarted();
  EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberRemove", "ID: 50"),
            "UNKNOWN: etcdserver: re-configuration failed due to not enough started members");
}

TEST(ClusterServiceTest, UrlsThatAreNoneAreRefused) {
  Harness harness;
  const std::string refused = "INVALID_ARGUMENT: etcdserver: given member URLs are invalid";
  for (const char* urls : {"", R"(peerURLs: "10.0.0.9:2380")", R"(peerURLs: "http://a:1/path")",
                           R"(peerURLs: "http://a:1" peerURLs: "b")"}) {
    EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberAdd", urls), refused);
    EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberUpdate", absl::StrCat("ID: 49 ", urls)),
              refused);
    EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberUpdate", urls),
              "NOT_FOUND: etcdserver: member not found");
  }
  EXPECT_TRUE(harness.member.changes.empty());
}

TEST(LearnerTest, AnswersStatusHealthAndSerializableReadsOnly) {
  Harness harness;
  harness.member.learner = true;
  const std::string refused = "FAILED_PRECONDITION: etcdserver: rpc not supported for learner";
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Range", R"(key: "a")"), refused);
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Put", R"(key: "a")"), refused);
  EXPECT_EQ(harness.Ask("etcdserverpb.Cluster/MemberList", ""), refused);
  EXPECT_EQ(harness.Ask("etcdserverpb.Lease/LeaseLeases", ""), refused);
  EXPECT_THAT(harness.Ask("etcdserverpb.KV/Range", R"(key: "a" serializable: true)"),
              ::testing::StartsWith("header {"));
  EXPECT_THAT(harness.Ask("etcdserverpb.Maintenance/Status", ""),
              ::testing::StartsWith("header {"));
  EXPECT_EQ(harness.Ask("grpc.health.v1.Health/Check", ""), "status: SERVING");
  for (const char* path : {"etcdserverpb.Watch/Watch", "etcdserverpb.Lease/LeaseKeepAlive"}) {
    StreamClient stream(harness, path);
    EXPECT_EQ(stream.call().status().code(), absl::StatusCode::kFailedPrecondition) << path;
  }
}

TEST(MaintenanceServiceTest, Status) {
  Harness harness({.version = "3.5.99", .cluster_version = "3.5.0", .quota_backend_bytes = 77});
  harness.member.loop.Put("a", "0");
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Status", ""),
            "header { revision: 2 } version: \"3.5.99\" dbSize: 100 leader: 49 raftIndex: 12 "
            "raftTerm: 7 raftAppliedIndex: 11 dbSizeInUse: 100 storageVersion: \"3.5.0\" "
            "dbSizeQuota: 77 downgradeInfo { }");
  harness.member.facts.leader_id = 0;
  harness.member.member_list[0].is_learner = true;
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Status", ""),
            "header { revision: 2 } version: \"3.5.99\" dbSize: 100 raftIndex: 12 raftTerm: 7 "
            "raftAppliedIndex: 11 errors: \"etcdserver: no leader\" dbSizeInUse: 100 isLearner: "
            "true storageVersion: \"3.5.0\" dbSizeQuota: 77 downgradeInfo { }");
}

TEST(MaintenanceServiceTest, Alarms) {
  const std::string path = "etcdserverpb.Maintenance/Alarm";
  Harness harness;
  EXPECT_EQ(harness.Ask(path, ""), "header { revision: 1 }");
  EXPECT_EQ(harness.Ask(path, "action: DEACTIVATE alarm: NOSPACE"), "header { revision: 1 }");
  EXPECT_EQ(harness.Ask(path, "action: ACTIVATE memberID: 49 alarm: NOSPACE automatic: true"),
            "header { revision: 1 } alarms { memberID: 49 alarm: NOSPACE }");
  EXPECT_FALSE(harness.member.view()->Alarms().at(0).automatic) << "not for clients to say";
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Put", R"(key: "k")"),
            "RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded");
  EXPECT_EQ(harness.Ask(path, "action: ACTIVATE memberID: 50 alarm: CORRUPT"),
            "header { revision: 1 } alarms { memberID: 50 alarm: CORRUPT }");
  EXPECT_EQ(harness.Ask("etcdserverpb.KV/Put", R"(key: "k")"),
            "DATA_LOSS: etcdserver: corrupt cluster");
  EXPECT_EQ(harness.Ask(path, "memberID: 7"),
            "header { revision: 1 } alarms { memberID: 49 alarm: NOSPACE } alarms { memberID: 50 "
            "alarm: CORRUPT }");
  EXPECT_EQ(harness.Ask(path, "alarm: CORRUPT"),
            "header { revision: 1 } alarms { memberID: 50 alarm: CORRUPT }");
  EXPECT_THAT(harness.Ask("etcdserverpb.Maintenance/Status", ""),
              HasSubstr(R"(errors: "memberID:49 alarm:NOSPACE " errors: "memberID:50 )"
                        R"(alarm:CORRUPT ")"));
  EXPECT_EQ(harness.Ask(path, "action: DEACTIVATE memberID: 50 alarm: CORRUPT"),
            "header { revision: 1 } alarms { memberID: 50 alarm: CORRUPT }");
  harness.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(harness.Ask(path, ""), "UNAVAILABLE: etcdserver: request timed out");
}

TEST(MaintenanceServiceTest, HashesAndDefragment) {
  Harness harness;
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Defragment", ""), "");  // no header, as in etcd
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Hash", ""), "header { revision: 1 } hash: 77");
  const std::string hash_kv = "etcdserverpb.Maintenance/HashKV";
  // etcd's of an empty store, and of a key "a" with the value "1" (kv_hash_test.cc).
  EXPECT_EQ(harness.Ask(hash_kv, ""),
            "header { revision: 1 } hash: 1084519789 compact_revision: -1 hash_revision: 1");
  harness.member.loop.Put("a", "1");
  harness.member.loop.Put("b", "2");
  EXPECT_EQ(harness.Ask(hash_kv, "revision: 2"),
            "header { revision: 3 } hash: 2587454935 compact_revision: -1 hash_revision: 2");
}

// A member whose leadership moves when the test says so.
class MoveLeaderTest : public ::testing::Test {
 protected:
  std::string Ask(const std::string& request) {
    return harness_.Ask("etcdserverpb.Maintenance/MoveLeader", request);
  }
  std::shared_ptr<FakeCall> Begin(uint64_t target) {
    auto call = std::make_shared<FakeCall>(harness_.executor);
    etcdserverpb::MoveLeaderRequest request;
    request.set_targetid(target);
    harness_.router.unary().at("/etcdserverpb.Maintenance/MoveLeader")(request.SerializeAsString(),
                                                                       call);
    harness_.executor.Run();
    return call;
  }

  uint64_t asked_ = 0;
  absl::Status begun_;
  Harness harness_{
      {.move_leader = [this](uint64_t target, absl::AnyInvocable<void(absl::Status)> done) {
        asked_ = target;
        done(begun_);
      }}};
};

TEST_F(MoveLeaderTest, AnswersOnceTheOtherLeads) {
  harness_.member.member_list[1].is_learner = false;
  const auto call = Begin(0x32);
  EXPECT_EQ(asked_, 0x32u);
  harness_.executor.Advance(absl::Milliseconds(100));
  EXPECT_FALSE(call->ended());
  harness_.member.facts.leader_id = 0x32;
  harness_.executor.Advance(absl::Milliseconds(10));
  ASSERT_TRUE(call->ended());
  EXPECT_TRUE(call->status().ok()) << call->status();
  EXPECT_EQ(call->TakeSent(), std::vector<std::string>{""});
  EXPECT_EQ(harness_.executor.timers(), 0u);
}

TEST_F(MoveLeaderTest, RefusesAsEtcdDoes) {
  EXPECT_EQ(Ask("targetID: 50"), "FAILED_PRECONDITION: etcdserver: bad leader transferee");
  EXPECT_EQ(Ask("targetID: 7"), "FAILED_PRECONDITION: etcdserver: bad leader transferee");
  EXPECT_EQ(Ask("targetID: 49"), "");
  harness_.member.facts.is_leader = false;
  EXPECT_EQ(Ask("targetID: 49"), "FAILED_PRECONDITION: etcdserver: not leader");
  EXPECT_EQ(asked_, 0u);
}

TEST_F(MoveLeaderTest, GivesWhatTheReplicaRefuses) {
  harness_.member.member_list[1].is_learner = false;
  begun_ = replica::ErrNotLeader();  // it has lost leadership meanwhile
  EXPECT_EQ(Ask("targetID: 50"), "FAILED_PRECONDITION: etcdserver: not leader");
}

TEST_F(MoveLeaderTest, EndsByTimeOrWithTheClient) {
  harness_.member.member_list[1].is_learner = false;
  const auto late = Begin(0x32);
  const auto look = [&](int times) {
    for (int i = 0; i < times; ++i) harness_.executor.Advance(absl::Milliseconds(10));
  };
  look(699);  // 5 s and two elections
  EXPECT_FALSE(late->ended());
  look(1);
  EXPECT_EQ(late->status(), replica::ErrTimeoutDueToLeaderFail());
  const auto gone = Begin(0x32);
  gone->Cancel();
  EXPECT_EQ(harness_.executor.timers(), 0u);
}

TEST(NotBuiltTest, SaysSo) {
  Harness harness;
  const std::string path = "etcdserverpb.Maintenance/MoveLeader";
  EXPECT_EQ(harness.Ask(path, ""),
            "UNIMPLEMENTED: pintle: /" + path + " is not supported by this version");
}

TEST(HealthServiceTest, Check) {
  Harness harness;
  EXPECT_EQ(harness.Ask("grpc.health.v1.Health/Check", ""), "status: SERVING");
  EXPECT_EQ(harness.Ask("grpc.health.v1.Health/Check", "service: \"x\""),
            "NOT_FOUND: unknown service");
}

TEST(HealthServiceTest, WatchStaysOpen) {
  Harness harness;
  StreamClient serving(harness, "grpc.health.v1.Health/Watch");
  serving.Send("");
  EXPECT_THAT(serving.Take(), ElementsAre("status: SERVING"));
  EXPECT_FALSE(serving.call().ended());
  StreamClient unknown(harness, "grpc.health.v1.Health/Watch");
  unknown.Send("service: \"x\"");
  EXPECT_THAT(unknown.Take(), ElementsAre("status: SERVICE_UNKNOWN"));
}

}  // namespace
}  // namespace pintle::server::etcd::testing

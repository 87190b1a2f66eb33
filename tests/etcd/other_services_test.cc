// Cluster, Maintenance, health, and what is not built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::ElementsAre;

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

TEST(MaintenanceServiceTest, Status) {
  Harness harness({.version = "3.5.99", .storage_version = "3.5.0", .quota_backend_bytes = 77});
  harness.member.loop.Put("a", "0");
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Status", ""),
            "header { revision: 2 } version: \"3.5.99\" dbSize: 4096 leader: 49 raftIndex: 12 "
            "raftTerm: 7 raftAppliedIndex: 11 dbSizeInUse: 100 storageVersion: \"3.5.0\" "
            "dbSizeQuota: 77 downgradeInfo { }");
  harness.member.facts.leader_id = 0;
  harness.member.member_list[0].is_learner = true;
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Status", ""),
            "header { revision: 2 } version: \"3.5.99\" dbSize: 4096 raftIndex: 12 raftTerm: 7 "
            "raftAppliedIndex: 11 errors: \"etcdserver: no leader\" dbSizeInUse: 100 isLearner: "
            "true storageVersion: \"3.5.0\" dbSizeQuota: 77 downgradeInfo { }");
}

TEST(MaintenanceServiceTest, ThereAreNoAlarms) {
  Harness harness;
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Alarm", ""), "header { revision: 1 }");
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Alarm", "action: DEACTIVATE alarm: NOSPACE"),
            "header { revision: 1 }");
  EXPECT_EQ(harness.Ask("etcdserverpb.Maintenance/Alarm", "action: ACTIVATE alarm: NOSPACE"),
            "UNIMPLEMENTED: pintle: /etcdserverpb.Maintenance/Alarm with action ACTIVATE is not "
            "supported by this version");
}

TEST(NotBuiltTest, SaysSo) {
  Harness harness;
  for (const char* path :
       {"etcdserverpb.Cluster/MemberAdd", "etcdserverpb.Cluster/MemberRemove",
        "etcdserverpb.Cluster/MemberUpdate", "etcdserverpb.Cluster/MemberPromote",
        "etcdserverpb.Maintenance/Defragment", "etcdserverpb.Maintenance/Hash",
        "etcdserverpb.Maintenance/HashKV", "etcdserverpb.Maintenance/MoveLeader",
        "etcdserverpb.Maintenance/Downgrade"}) {
    EXPECT_EQ(harness.Ask(path, ""),
              "UNIMPLEMENTED: pintle: /" + std::string(path) + " is not supported by this version");
  }
  StreamClient snapshot(harness, "etcdserverpb.Maintenance/Snapshot");
  EXPECT_EQ(snapshot.call().status().code(), absl::StatusCode::kUnimplemented);
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

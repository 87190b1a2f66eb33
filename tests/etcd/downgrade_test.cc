// Maintenance.Downgrade: what is accepted, what is told meanwhile, and that it is undone (etcd-api
// 1.5).
#include "server/etcd/downgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kPath[] = "etcdserverpb.Maintenance/Downgrade";
constexpr char kFormat[] = "INVALID_ARGUMENT: etcdserver: wrong downgrade target version format";
constexpr char kTarget[] = "INVALID_ARGUMENT: etcdserver: invalid downgrade target version";
constexpr char kInProcess[] =
    "FAILED_PRECONDITION: etcdserver: cluster has a downgrade job in progress";

std::string Answer(const std::string& version) {
  return "header { revision: 1 } version: \"" + version + "\"";
}

class DowngradeTest : public ::testing::Test {
 protected:
  std::string Ask(const std::string& action, const std::string& version) {
    return harness_.Ask(kPath, "action: " + action + " version: \"" + version + "\"");
  }
  std::string Status() { return harness_.Ask("etcdserverpb.Maintenance/Status", ""); }
  std::string Version() {
    auto exchange = std::make_shared<FakeExchange>(harness_.executor);
    harness_.face.http().Handle({.method = "GET", .path = "/version"}, exchange);
    return exchange->body();
  }

  Harness harness_{{.version = "3.7.1", .cluster_version = "3.7.0"}};
};

TEST(ClusterVersionTest, IsReadAsEtcdReadsIt) {
  const struct {
    std::string_view text;
    std::optional<std::string> version;
  } rows[] = {
      {"3.6", "3.6.0"},           {"3.6.4", "3.6.0"},
      {"3.6.4-rc.1", "3.6.0"},    {"3.6.0+git", "3.6.0"},
      {"03.6.0", "3.6.0"},        {"", std::nullopt},
      {"3", std::nullopt},        {"3.", std::nullopt},
      {"3.6.", std::nullopt},     {"v3.6", std::nullopt},
      {"3.6.0.1", std::nullopt},  {"3.-6.0", std::nullopt},
      {"3.x.0", std::nullopt},    {"3.99999999999999999999.0", std::nullopt},
      {"3.6-rc.1", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(ParseClusterVersion(row.text), row.version) << row.text;
  EXPECT_EQ(VersionBefore("3.7.0"), "3.6.0");
  EXPECT_EQ(VersionBefore("3.10.0"), "3.9.0");
  EXPECT_EQ(VersionBefore("4.0.0"), std::nullopt);
}

TEST_F(DowngradeTest, OnlyTheMinorVersionBeforeIsValid) {
  for (const char* version : {"3.6", "3.6.0", "3.6.14"}) {
    EXPECT_EQ(Ask("VALIDATE", version), Answer("3.7.0")) << version;
  }
  for (const char* version : {"3.7", "3.5", "3.8", "2.6", "4.6.0"}) {
    EXPECT_EQ(Ask("VALIDATE", version), kTarget) << version;
    EXPECT_EQ(Ask("ENABLE", version), kTarget) << version;
  }
  for (const char* version : {"", "3", "latest"}) {
    EXPECT_EQ(Ask("VALIDATE", version), kFormat) << version;
    EXPECT_EQ(Ask("ENABLE", version), kFormat) << version;
  }
  EXPECT_EQ(harness_.member.proposals, 0);
  EXPECT_EQ(harness_.Ask(kPath, "action: 7"), "UNKNOWN: etcdserver: unknown method");
}

TEST_F(DowngradeTest, WhatIsEnabledIsToldUntilItIsCancelled) {
  EXPECT_THAT(Status(), HasSubstr("storageVersion: \"3.7.0\""));
  EXPECT_EQ(Ask("ENABLE", "3.6"), Answer("3.6.0"));
  EXPECT_THAT(Status(), HasSubstr("storageVersion: \"3.6.0\""));
  EXPECT_THAT(Status(), HasSubstr("downgradeInfo { enabled: true targetVersion: \"3.6.0\" }"));
  EXPECT_EQ(Version(), R"({"etcdserver":"3.7.1","etcdcluster":"3.6.0","storage":"3.6.0"})");
  EXPECT_EQ(Ask("ENABLE", "3.6"), kTarget) << "the cluster is there already";
  EXPECT_EQ(Ask("ENABLE", "3.5"), kInProcess);
  EXPECT_EQ(Ask("VALIDATE", "3.5"), kInProcess);
  EXPECT_EQ(Ask("CANCEL", ""), Answer("3.7.0"));
  EXPECT_THAT(Status(), HasSubstr("downgradeInfo { }"));
  EXPECT_EQ(Version(), R"({"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"})");
  EXPECT_EQ(harness_.member.proposals, 2);
  EXPECT_EQ(Ask("CANCEL", ""), Answer("3.7.0")) << "no error since etcd 3.6";
  EXPECT_EQ(harness_.member.proposals, 2);
}

TEST_F(DowngradeTest, NothingIsDecidedWithoutTheOthers) {
  harness_.member.refuse_reads = replica::ErrTimeout();
  for (const char* action : {"VALIDATE", "ENABLE", "CANCEL"}) {
    EXPECT_EQ(Ask(action, "3.6"), "UNAVAILABLE: etcdserver: request timed out") << action;
  }
  harness_.member.refuse_reads = absl::OkStatus();
  harness_.member.refuse = replica::ErrNotCapable();
  EXPECT_EQ(Ask("ENABLE", "3.6"), "FAILED_PRECONDITION: etcdserver: not capable");
}

}  // namespace
}  // namespace pintle::server::etcd::testing

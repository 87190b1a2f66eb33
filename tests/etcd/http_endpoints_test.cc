// /health, /livez, /readyz, /version, /metrics: exact bodies (etcd-api 3.1).
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/etcd/harness.h"

namespace pintle::server::etcd::testing {
namespace {

class HttpEndpointsTest : public ::testing::Test {
 protected:
  // "200 body"
  std::string Ask(const std::string& target, const std::string& method = "GET",
                  const std::string& body = "") {
    net::HttpRequest request;
    request.body = body;
    request.method = method;
    const size_t mark = std::min(target.find('?'), target.size());
    request.path = target.substr(0, mark);
    if (mark < target.size()) request.query = target.substr(mark + 1);
    exchange_ = std::make_shared<FakeExchange>(harness_.executor);
    harness_.face.http().Handle(request, exchange_);
    harness_.executor.Run();
    return std::to_string(exchange_->status()) + " " + exchange_->body();
  }
  std::string Header(const std::string& name) {
    return std::string(exchange_->headers().Get(name));
  }

  Harness harness_{{.metrics_text = [] { return std::string("a 1\n"); }}};
  std::shared_ptr<FakeExchange> exchange_;
};

constexpr char kHealthy[] = R"(200 {"health":"true","reason":""})";

TEST_F(HttpEndpointsTest, Health) {
  EXPECT_EQ(Ask("/health"), kHealthy);
  EXPECT_EQ(harness_.member.reads, 1);
  EXPECT_EQ(Header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(Ask("/health?exclude=NOSPACE&serializable=false"), kHealthy);
  EXPECT_EQ(harness_.member.reads, 2);
  EXPECT_EQ(Ask("/health?serializable=true"), kHealthy);
  EXPECT_EQ(harness_.member.reads, 2);
  EXPECT_EQ(Ask("/health", "POST").substr(0, 3), "405");
  EXPECT_EQ(Header("allow"), "GET");
}

TEST_F(HttpEndpointsTest, ReplacingAMember) {
  const std::string path = "/admin/members/replace";
  const std::string good = R"({"id": "1f", "peerURLs": ["http://10.0.0.9:2380"]})";
  const std::string answer = Ask(path, "POST", good);
  EXPECT_EQ(answer.substr(0, 11), R"(200 {"id":")") << answer;
  EXPECT_NE(answer.find(R"(","replaces":"1f"})"), std::string::npos) << answer;
  ASSERT_EQ(harness_.member.changes.size(), 1U);
  const replica::MemberChange& change = harness_.member.changes.front();
  EXPECT_EQ(change.kind, replica::MemberChange::Kind::kAdd);
  EXPECT_EQ(change.replaces, 0x1fU);
  EXPECT_FALSE(change.learner);
  EXPECT_EQ(Ask(path, "GET").substr(0, 3), "405");
  for (const char* bad :
       {"", "[]", R"({"peerURLs": ["http://a:1"]})", R"({"id": 31, "peerURLs": ["http://a:1"]})",
        R"({"id": "xyz", "peerURLs": ["http://a:1"]})", R"({"id": "1f"})",
        R"({"id": "1f", "peerURLs": [7]})", R"({"id": "1f", "peerURLs": "http://a:1"})"}) {
    EXPECT_EQ(Ask(path, "POST", bad).substr(0, 3), "400") << bad;
  }
  EXPECT_EQ(Ask(path, "POST", std::string(70000, ' ')).substr(0, 3), "413");
  EXPECT_EQ(harness_.member.changes.size(), 1U);
  harness_.member.refuse = replica::ErrMemberNotFound();
  EXPECT_EQ(Ask(path, "POST", good), "404 etcdserver: member not found\n");
  harness_.member.refuse = replica::ErrPeerUrlsExist();
  EXPECT_EQ(Ask(path, "POST", good).substr(0, 3), "409");
  harness_.member.refuse = replica::ErrNoLeader();
  EXPECT_EQ(Ask(path, "POST", good).substr(0, 3), "503");
}

TEST_F(HttpEndpointsTest, DebugVars) {
  const std::string vars = Ask("/debug/vars");
  EXPECT_EQ(Header("content-type"), "application/json; charset=utf-8");
  for (const char* part : {"\"cmdline\"", "etcd_test", "\"file_descriptor_limit\"", "\"memstats\"",
                           "\"raft.status\"", R"("raftState": "StateLeader")", R"("id": "31")"}) {
    EXPECT_NE(vars.find(part), std::string::npos) << part << " in " << vars;
  }
  for (const char* path : {"/debug/pprof/", "/debug/requests", "/debug/events", "/v2/keys", "/"}) {
    EXPECT_EQ(Ask(path), "404 404 page not found\n") << path;
  }
}

TEST_F(HttpEndpointsTest, HealthIsCounted) {
  const FaceCounters& counters = harness_.face.counters();
  Ask("/health");
  harness_.member.facts.leader_id = 0;
  Ask("/health");
  ASSERT_TRUE(harness_.member.loop
                  .Try(kv::AlarmRequest{.action = kv::AlarmRequest::Action::kActivate,
                                        .alarm = {.member_id = 1, .type = kv::AlarmType::kNoSpace}})
                  .ok());
  Ask("/health?serializable=true");
  EXPECT_EQ(counters.health_successes.Get(), 1U);
  EXPECT_EQ(counters.health_failures.Get(), 2U);
  Ask("/readyz/serializable_read");
  EXPECT_EQ(counters.probes.Read().at({"readyz", "serializable_read"}).successes, 1U);
}

TEST_F(HttpEndpointsTest, HealthWithoutLeader) {
  harness_.member.facts.leader_id = 0;
  EXPECT_EQ(Ask("/health"), R"(503 {"health":"false","reason":"RAFT NO LEADER"})");
  EXPECT_EQ(Ask("/health?serializable=true"), kHealthy);
}

TEST_F(HttpEndpointsTest, HealthWhenReadsFail) {
  harness_.member.refuse = replica::ErrTimeout();
  EXPECT_EQ(Ask("/health"),
            R"(503 {"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"})");
}

TEST_F(HttpEndpointsTest, Probes) {
  EXPECT_EQ(Ask("/livez"), "200 ok\n");
  EXPECT_EQ(Header("x-content-type-options"), "nosniff");
  EXPECT_EQ(Ask("/livez?verbose"), "200 [+]serializable_read ok\nok\n");
  EXPECT_EQ(Ask("/readyz"), "200 ok\n");
  EXPECT_EQ(Ask("/readyz?verbose=true"),
            "200 [+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read "
            "ok\n[+]non_learner ok\nok\n");
  EXPECT_EQ(Ask("/readyz?verbose&exclude=data_corruption&exclude=nonsense&exclude=non%5Flearner"),
            "200 [+]serializable_read ok\n[+]linearizable_read ok\nok\n");
  EXPECT_EQ(Ask("/readyz/linearizable_read"), "200 ok\n");
  EXPECT_EQ(Ask("/livez/linearizable_read").substr(0, 3), "404");
  EXPECT_EQ(Ask("/livezz").substr(0, 3), "404");
  EXPECT_EQ(Ask("/readyz", "PUT").substr(0, 3), "405");
}

TEST_F(HttpEndpointsTest, FailingProbesNameTheCheck) {
  harness_.member.refuse = replica::ErrTimeout();
  harness_.member.member_list[0].is_learner = true;
  EXPECT_EQ(Ask("/livez"), "200 ok\n");
  EXPECT_EQ(Ask("/readyz"),
            "503 [+]data_corruption ok\n[+]serializable_read ok\n[-]linearizable_read failed: "
            "etcdserver: request timed out\n[-]non_learner failed: not supported for learner\n\n");
}

TEST_F(HttpEndpointsTest, AlarmsAreUnhealthy) {
  const auto raise = [this](kv::AlarmType type) {
    harness_.member.loop.Apply({kv::AlarmRequest{kv::AlarmRequest::Action::kActivate, {7, type}}});
  };
  raise(kv::AlarmType::kNoSpace);
  EXPECT_EQ(Ask("/health"), R"(503 {"health":"false","reason":"ALARM NOSPACE"})");
  EXPECT_EQ(Ask("/health?exclude=CORRUPT&exclude=NOSPACE"), kHealthy);
  EXPECT_EQ(Ask("/readyz"), "200 ok\n");
  raise(kv::AlarmType::kCorrupt);
  EXPECT_EQ(Ask("/health?exclude=NOSPACE"), R"(503 {"health":"false","reason":"ALARM CORRUPT"})");
  EXPECT_EQ(Ask("/readyz/data_corruption"),
            "503 [-]data_corruption failed: alarm activated: CORRUPT\n\n");
  EXPECT_EQ(Ask("/readyz?exclude=data_corruption"), "200 ok\n");
  EXPECT_EQ(Ask("/livez"), "200 ok\n");
}

TEST_F(HttpEndpointsTest, VersionMetricsAndTheRest) {
  EXPECT_EQ(Ask("/version"),
            R"(200 {"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"})");
  EXPECT_EQ(Header("content-type"), "application/json");
  EXPECT_EQ(Ask("/version", "HEAD").substr(0, 3), "405");
  EXPECT_EQ(Ask("/metrics"), "200 a 1\n");
  EXPECT_EQ(Ask("/"), "404 404 page not found\n");
  EXPECT_EQ(Ask("/v2/keys"), "404 404 page not found\n");
  EXPECT_EQ(Ask("/metrics", "POST"), "200 a 1\n");
  EXPECT_EQ(Ask("/debug/vars", "POST").substr(0, 3), "405");
}

TEST(HttpEndpointsWithoutMetricsTest, MetricsAreAbsent) {
  Harness harness;
  auto exchange = std::make_shared<FakeExchange>(harness.executor);
  harness.face.http().Handle({.method = "GET", .path = "/metrics"}, exchange);
  EXPECT_EQ(exchange->status(), 404);
}

}  // namespace
}  // namespace pintle::server::etcd::testing

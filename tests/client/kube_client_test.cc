#include "client/kube_client.h"

#include "gtest/gtest.h"
#include "tests/client/fake_api_server.h"

namespace pintle::client {
namespace {

using testing::FakeApiServer;
using testing::VirtualLoop;

struct Fixture {
  explicit Fixture(size_t members = 3, KubeClientOptions options = {})
      : server(v.executor),
        endpoints(members),
        client(v.loop, server, endpoints, std::move(options)) {}

  ApiReply Wait(ApiRequest request, absl::Duration limit = absl::Minutes(2)) {
    std::optional<ApiReply> got;
    client.Send(std::move(request), [&](ApiReply reply) { got = std::move(reply); });
    EXPECT_FALSE(got.has_value()) << "answered from within Send";
    EXPECT_TRUE(
        v.executor.AdvanceUntil([&] { return got.has_value(); }, limit, absl::Milliseconds(1)));
    return got.value_or(ApiReply{});
  }

  VirtualLoop v;
  FakeApiServer server;
  EndpointSet endpoints;
  KubeClient client;
};

Json ConfigMap(const char* name) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}}}};
}
const ResourceType& ConfigMaps() {
  static const ResourceType& type = *new ResourceType{"", "v1", "configmaps", "ConfigMap", true};
  return type;
}

TEST(KubeClient, DecodesStatusErrors) {
  Fixture f;
  const ApiReply missing = f.Wait(GetObject(Pods(), "default", "nosuch"));
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(missing.reason, "NotFound");
  EXPECT_EQ(missing.message, "pods \"nosuch\" not found");
  EXPECT_TRUE(f.Wait(CreateObject(ConfigMaps(), ConfigMap("a"))).ok());
  const ApiReply again = f.Wait(CreateObject(ConfigMaps(), ConfigMap("a")));
  EXPECT_TRUE(again.AlreadyExists());
  EXPECT_FALSE(again.retried);
}

TEST(KubeClient, MovesToALivingMemberAtOnce) {
  Fixture f;
  f.server.Down(0);
  f.server.Down(1);
  const absl::Time began = f.v.executor.now();
  const ApiReply reply = f.Wait(GetObject(Namespaces(), "", "default"));
  EXPECT_TRUE(reply.ok()) << reply.message;
  EXPECT_LT(f.v.executor.now() - began, absl::Milliseconds(20));
  EXPECT_EQ(f.endpoints.current(), 2u);
}

TEST(KubeClient, WaitsForTheClusterUntilItsTimeIsUp) {
  Fixture f(2);
  f.server.Down(0);
  f.server.Down(1);
  const absl::Time began = f.v.executor.now();
  ApiRequest request = GetObject(Namespaces(), "", "default");
  request.timeout = absl::Seconds(5);
  const ApiReply reply = f.Wait(std::move(request));
  EXPECT_EQ(reply.code, 0);
  EXPECT_EQ(reply.message, "connection refused");
  EXPECT_LE(f.v.executor.now() - began, absl::Seconds(5));
  EXPECT_LT(f.server.log.size(), 30u) << "attempts must back off";
  EXPECT_GT(f.server.log.size(), 4u);
}

TEST(KubeClient, ServiceUnavailableAndFrozenMembersAreLeft) {
  Fixture f(2);
  f.server.intercept = [](size_t endpoint,
                          const net::HttpClientRequest&) -> std::optional<net::HttpClientResponse> {
    if (endpoint != 0) return std::nullopt;
    return net::HttpClientResponse{
        503, {}, R"({"kind":"Status","message":"no leader","code":503})"};
  };
  EXPECT_TRUE(f.Wait(GetObject(Namespaces(), "", "default")).ok());
  EXPECT_EQ(f.endpoints.current(), 1u);
  f.server.intercept = nullptr;
  f.server.Freeze(1);
  const absl::Time began = f.v.executor.now();
  EXPECT_TRUE(f.Wait(GetObject(Namespaces(), "", "default")).ok());
  EXPECT_NEAR(absl::ToDoubleSeconds(f.v.executor.now() - began), 10, 1);
}

TEST(KubeClient, TooManyRequestsIsWaitedOutOnTheSameMember) {
  Fixture f(2);
  int refusals = 2;
  f.server.intercept =
      [&](size_t, const net::HttpClientRequest&) -> std::optional<net::HttpClientResponse> {
    if (refusals-- <= 0) return std::nullopt;
    net::HttpClientResponse response{429, {}, "{}"};
    response.headers.Add("retry-after", "3");
    return response;
  };
  const absl::Time began = f.v.executor.now();
  EXPECT_TRUE(f.Wait(GetObject(Namespaces(), "", "default")).ok());
  EXPECT_GE(f.v.executor.now() - began, absl::Seconds(6));
  EXPECT_EQ(f.endpoints.current(), 0u);
}

TEST(KubeClient, CreationWhoseAnswerIsLostIsToldAsRetried) {
  Fixture f;
  bool lost = false;
  f.server.lose_answer_of = [&](const net::HttpClientRequest& request) {
    return request.method == "POST" && !std::exchange(lost, true);
  };
  const ApiReply reply = f.Wait(CreateObject(ConfigMaps(), ConfigMap("once")));
  EXPECT_TRUE(reply.AlreadyExists());
  EXPECT_TRUE(reply.retried);
  EXPECT_EQ(f.server.All(ConfigMaps()).size(), 1u);
}

TEST(KubeClient, RateIsLimitedAfterTheBurst) {
  Fixture f(1, {.qps = 10, .burst = 5});
  int answered = 0;
  for (int i = 0; i < 25; ++i) {
    f.client.Send(GetObject(Namespaces(), "", "default"), [&](ApiReply) { ++answered; });
  }
  f.v.executor.Advance(absl::Milliseconds(50));
  EXPECT_EQ(answered, 5);
  f.v.executor.Advance(absl::Seconds(1));
  EXPECT_NEAR(answered, 15, 1);
  f.v.executor.Advance(absl::Seconds(1));
  EXPECT_EQ(answered, 25);
}

TEST(KubeClient, RefusesMoreThanItsBound) {
  Fixture f(1, {.qps = 1, .burst = 1, .max_waiting = 3});
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    f.client.Send(GetObject(Namespaces(), "", "default"),
                  [&](ApiReply reply) { refused += reply.ok() ? 0 : 1; });
  }
  f.v.executor.Advance(absl::Milliseconds(10));
  EXPECT_EQ(refused, 6);
}

}  // namespace
}  // namespace pintle::client

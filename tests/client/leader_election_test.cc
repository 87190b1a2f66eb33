#include "client/leader_election.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/client/fake_api_server.h"

namespace pintle::client {
namespace {

using testing::FakeApiServer;
using testing::VirtualExecutor;

// One process: its own clock, which may be wrong, and its own way to the server.
struct Candidate {
  Candidate(VirtualExecutor& executor, Transport& transport, const std::string& name,
            absl::Duration skew = absl::ZeroDuration())
      : loop{executor, [&executor, skew] { return executor.now() + skew; }, std::mt19937_64(3)},
        endpoints(1),
        client(loop, transport, endpoints, {.qps = 0}) {
    LeaderElectionOptions options;
    options.identity = name;
    election = std::make_unique<LeaderElection>(
        loop, client, options,
        LeaderElection::Callbacks{[this] { ++acquired; }, [this] { ++lost; }, {}});
    election->Start();
  }

  Loop loop;
  EndpointSet endpoints;
  KubeClient client;
  std::unique_ptr<LeaderElection> election;
  int acquired = 0;
  int lost = 0;
};

// A way to the server that can be cut for one process alone.
struct Cable final : Transport {
  explicit Cable(Transport& to) : server(to) {}
  std::unique_ptr<Handle> Send(size_t, net::HttpClientRequest request,
                               net::HttpClient::Done done) override {
    return server.Send(cut ? 1 : 0, std::move(request), std::move(done));
  }
  std::unique_ptr<Handle> Stream(size_t, net::HttpClientRequest request,
                                 net::HttpClient::StreamCallbacks callbacks) override {
    return server.Stream(cut ? 1 : 0, std::move(request), std::move(callbacks));
  }
  Transport& server;
  bool cut = false;
};

struct Fixture {
  Fixture() : server(executor), cable_a(server), cable_b(server) { server.Down(1); }
  std::string Holder() {
    return std::string(
        Str(server.Find(Leases(), "kube-system/pintle-controllers"), "spec.holderIdentity"));
  }
  VirtualExecutor executor;
  FakeApiServer server;
  Cable cable_a;
  Cable cable_b;
};

TEST(LeaderElection, OneOfTwoLeadsAndRenews) {
  Fixture f;
  Candidate a(f.executor, f.cable_a, "a");
  Candidate b(f.executor, f.cable_b, "b");
  for (int second = 0; second < 120; ++second) {
    f.executor.Advance(absl::Seconds(1));
    ASSERT_EQ(a.election->leading() + b.election->leading(), 1) << second;
  }
  EXPECT_EQ(a.acquired + b.acquired, 1);
  EXPECT_EQ(a.lost + b.lost, 0);
  const Json lease = f.server.Find(Leases(), "kube-system/pintle-controllers");
  EXPECT_EQ(Int(lease, "spec.leaseDurationSeconds"), 15);
  EXPECT_EQ(Int(lease, "spec.leaseTransitions"), 0);
  EXPECT_EQ(Str(lease, "spec.renewTime").size(), std::string("2023-11-14T22:13:20.000000Z").size());
}

TEST(LeaderElection, HolderThatIsCutOffStopsBeforeTheOtherBegins) {
  Fixture f;
  Candidate a(f.executor, f.cable_a, "a");
  f.executor.Advance(absl::Seconds(5));
  ASSERT_TRUE(a.election->leading());
  Candidate b(f.executor, f.cable_b, "b");
  f.executor.Advance(absl::Seconds(10));
  f.cable_a.cut = true;
  const absl::Time cut = f.executor.now();
  absl::Time stopped = absl::InfiniteFuture();
  absl::Time began = absl::InfiniteFuture();
  while (f.executor.now() < cut + absl::Seconds(40)) {
    f.executor.Advance(absl::Milliseconds(100));
    ASSERT_FALSE(a.election->leading() && b.election->leading()) << "two lead at once";
    if (!a.election->leading()) stopped = std::min(stopped, f.executor.now());
    if (b.election->leading()) began = std::min(began, f.executor.now());
  }
  EXPECT_LE(stopped - cut, absl::Seconds(10.2));
  EXPECT_GE(began - cut, absl::Seconds(13));
  EXPECT_LE(began - cut, absl::Seconds(18));
  EXPECT_EQ(a.lost, 1);
  EXPECT_EQ(f.Holder(), "b");
  // Back again, it follows.
  f.cable_a.cut = false;
  f.executor.Advance(absl::Seconds(30));
  EXPECT_FALSE(a.election->leading());
  EXPECT_TRUE(b.election->leading());
  EXPECT_EQ(Int(f.server.Find(Leases(), "kube-system/pintle-controllers"), "spec.leaseTransitions"),
            1);
}

TEST(LeaderElection, WrongClocksDoNoHarm) {
  Fixture f;
  Candidate a(f.executor, f.cable_a, "a", -absl::Hours(3));
  f.executor.Advance(absl::Seconds(5));
  ASSERT_TRUE(a.election->leading());
  // By b's clock the lease ended hours ago; it must still wait until it has stood still for its
  // duration.
  Candidate b(f.executor, f.cable_b, "b", absl::Hours(5));
  for (int i = 0; i < 60; ++i) {
    f.executor.Advance(absl::Seconds(1));
    ASSERT_TRUE(a.election->leading());
    ASSERT_FALSE(b.election->leading());
  }
}

TEST(LeaderElection, ReleaseLetsTheOtherInAtOnce) {
  Fixture f;
  Candidate a(f.executor, f.cable_a, "a");
  f.executor.Advance(absl::Seconds(5));
  Candidate b(f.executor, f.cable_b, "b");
  f.executor.Advance(absl::Seconds(5));
  bool done = false;
  a.election->Release([&] { done = true; });
  EXPECT_FALSE(a.election->leading());
  ASSERT_TRUE(f.executor.AdvanceUntil([&] { return b.election->leading(); }, absl::Seconds(4)));
  EXPECT_TRUE(done);
}

TEST(LeaderElection, RestartedHolderOfTheSameNameGoesOn) {
  Fixture f;
  {
    Candidate a(f.executor, f.cable_a, "a");
    f.executor.Advance(absl::Seconds(5));
    ASSERT_TRUE(a.election->leading());
  }
  Candidate again(f.executor, f.cable_a, "a");
  ASSERT_TRUE(f.executor.AdvanceUntil([&] { return again.election->leading(); }, absl::Seconds(1)));
}

}  // namespace
}  // namespace pintle::client

// All controllers and simulated nodes together, on an API server in memory and virtual time.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/controllers/manager.h"
#include "client/controllers/pod_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_api_server.h"

namespace pintle::client::controllers {
namespace {

using testing::FakeApiServer;
using testing::VirtualLoop;

const ResourceType& ConfigMaps() {
  static const ResourceType& type = *new ResourceType{"", "v1", "configmaps", "ConfigMap", true};
  return type;
}

// One `pintle controllers` process.
struct Process {
  Process(VirtualLoop& v, FakeApiServer& server, const std::string& name, int nodes,
          std::string prefix = "node-")
      : endpoints(3) {
    ManagerOptions options;
    options.election.identity = name;
    options.simulated_nodes.count = nodes;
    options.simulated_nodes.name_prefix = std::move(prefix);
    options.simulated_nodes.version = "v1.33.0";
    options.node_lifecycle.pod_eviction_timeout = absl::Seconds(30);
    manager = std::make_unique<Manager>(v.loop, server, endpoints, options);
    manager->Start();
  }
  EndpointSet endpoints;
  std::unique_ptr<Manager> manager;
};

class ControllersTest : public ::testing::Test {
 protected:
  ControllersTest() : server_(v_.executor) {}

  void Start(int nodes = 2) { process_ = std::make_unique<Process>(v_, server_, "first", nodes); }

  void Apply(int replicas, const std::string& image) {
    Json found = server_.Find(Deployments(), "default/my-app");
    if (found.is_null()) {
      Json deployment = *Parse(R"({"metadata":{"name":"my-app","namespace":"default"},"spec":{
          "selector":{"matchLabels":{"app":"my-app"}},"revisionHistoryLimit":10,"progressDeadlineSeconds":600,
          "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}},
          "template":{"metadata":{"labels":{"app":"my-app"}},
                      "spec":{"terminationGracePeriodSeconds":30,"containers":[{"name":"my-app"}]}}}})");
      deployment["spec"]["replicas"] = replicas;
      deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image;
      ASSERT_TRUE(server_.Do(CreateObject(Deployments(), std::move(deployment))).ok());
      return;
    }
    found["spec"]["replicas"] = replicas;
    found["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    ASSERT_TRUE(server_.Do(UpdateObject(Deployments(), std::move(found))).ok());
  }

  int Ready(const std::string& image = "") const {
    int count = 0;
    for (const Json& pod : server_.All(Pods())) {
      const Json& container = Array(pod, "spec.containers")[0];
      if (IsReady(pod) && !Deleting(pod) && (image.empty() || Str(container, "image") == image))
        ++count;
    }
    return count;
  }
  bool Complete(int replicas, const std::string& image) const {
    const Json deployment = server_.Find(Deployments(), "default/my-app");
    const Json& status = At(deployment, "status");
    return Ready(image) == replicas &&
           server_.All(Pods()).size() == static_cast<size_t>(replicas) &&
           Int(status, "availableReplicas") == replicas &&
           Int(status, "updatedReplicas") == replicas &&
           Int(status, "observedGeneration") == Int(deployment, "metadata.generation");
  }
  bool Converges(int replicas, const std::string& image, absl::Duration limit = absl::Seconds(60)) {
    return v_.executor.AdvanceUntil([&] { return Complete(replicas, image); }, limit);
  }
  bool HasEvent(const std::string& reason) const {
    const auto events = server_.All(Events());
    return std::any_of(events.begin(), events.end(),
                       [&](const Json& event) { return Str(event, "reason") == reason; });
  }
  std::set<std::string> NodesUsed() const {
    std::set<std::string> nodes;
    for (const Json& pod : server_.All(Pods())) nodes.emplace(Str(pod, "spec.nodeName"));
    return nodes;
  }

  VirtualLoop v_;
  FakeApiServer server_;
  std::unique_ptr<Process> process_;
};

TEST_F(ControllersTest, DeploymentBecomesRunningPods) {
  Start();
  Apply(3, "nginx:1.25");
  ASSERT_TRUE(Converges(3, "nginx:1.25"));
  EXPECT_EQ(NodesUsed(), (std::set<std::string>{"node-1", "node-2"}));
  std::set<std::string> addresses;
  for (const Json& pod : server_.All(Pods())) {
    addresses.emplace(Str(pod, "status.podIP"));
    EXPECT_EQ(Str(pod, "metadata.generateName").substr(0, 7), "my-app-");
  }
  EXPECT_EQ(addresses.size(), 3u);
  for (const char* reason : {"ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Started"}) {
    EXPECT_TRUE(HasEvent(reason)) << reason;
  }
  EXPECT_EQ(Annotation(server_.Find(Nodes(), "node-1"), "pintle.dev/simulated"), "true");
  // At rest, nothing is written but heartbeats.
  v_.executor.Advance(absl::Seconds(30));
  const size_t before = server_.log.size();
  v_.executor.Advance(absl::Minutes(2));
  for (size_t i = before; i < server_.log.size(); ++i) {
    const auto& logged = server_.log[i];
    const bool heartbeat = logged.target.find("leases") != std::string::npos ||
                           logged.target.find("/nodes/") != std::string::npos;
    EXPECT_TRUE(logged.method == "GET" || heartbeat) << logged.method << " " << logged.target;
  }
}

TEST_F(ControllersTest, ScalesReplacesAndRollsOverWithinItsBounds) {
  Start();
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  Apply(5, "a");
  ASSERT_TRUE(Converges(5, "a"));
  Apply(1, "a");
  ASSERT_TRUE(Converges(1, "a"));
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  const std::string victim(Name(server_.All(Pods())[0]));
  ASSERT_TRUE(server_.Do(DeleteObject(Pods(), "default", victim, {})).ok());
  ASSERT_TRUE(Converges(3, "a"));
  EXPECT_TRUE(server_.Find(Pods(), "default/" + victim).is_null());

  // 25 % of 3: nobody may be missing, one may be too many; at every single write.
  int lowest = 3;
  int highest = 3;
  server_.on_change = [&] {
    lowest = std::min(lowest, Ready());
    int active = 0;
    for (const Json& pod : server_.All(Pods())) active += IsActive(pod) ? 1 : 0;
    highest = std::max(highest, active);
  };
  Apply(3, "b");
  ASSERT_TRUE(Converges(3, "b"));
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  server_.on_change = nullptr;
  EXPECT_EQ(lowest, 3);
  EXPECT_EQ(highest, 4);
  EXPECT_EQ(server_.All(ReplicaSets()).size(), 2u);
}

TEST_F(ControllersTest, LostAnswersAndLostMembersMakeNoPodTooMany) {
  Start();
  int losses = 0;
  server_.lose_answer_of = [&](const net::HttpClientRequest& request) {
    const bool creates_pod = request.method == "POST" && request.target.ends_with("/pods");
    if (!creates_pod || losses >= 2) return false;
    ++losses;
    return true;
  };
  size_t most = 0;
  server_.on_change = [&] { most = std::max(most, server_.All(Pods()).size()); };
  Apply(4, "a");
  ASSERT_TRUE(Converges(4, "a"));
  EXPECT_EQ(losses, 2);
  EXPECT_EQ(most, 4u) << "a creation whose answer was lost was made twice";
}

TEST_F(ControllersTest, EndpointsFollow) {
  Start();
  ASSERT_TRUE(
      server_
          .Do(CreateObject(Services(), *Parse(
                                           R"({"metadata":{"name":"my-app","namespace":"default"},
          "spec":{"selector":{"app":"my-app"},"ports":[{"port":80,"protocol":"TCP"}]}})")))
          .ok());
  const auto addresses = [&] {
    std::set<std::string> out;
    const Json endpoints = server_.Find(EndpointsType(), "default/my-app");
    for (const Json& subset : Array(endpoints, "subsets")) {
      for (const Json& address : Array(subset, "addresses")) out.emplace(Str(address, "ip"));
    }
    return out;
  };
  for (const int replicas : {3, 5, 0}) {
    Apply(replicas, "a");
    ASSERT_TRUE(Converges(replicas, "a"));
    std::set<std::string> expected;
    for (const Json& pod : server_.All(Pods())) expected.emplace(Str(pod, "status.podIP"));
    EXPECT_TRUE(
        v_.executor.AdvanceUntil([&] { return addresses() == expected; }, absl::Seconds(5)));
  }
  ASSERT_TRUE(server_.Do(DeleteObject(Services(), "default", "my-app", {})).ok());
  EXPECT_TRUE(v_.executor.AdvanceUntil(
      [&] { return server_.Find(EndpointsType(), "default/my-app").is_null(); }, absl::Seconds(5)));
}

TEST_F(ControllersTest, DeletionInTheBackgroundForegroundAndOrphaning) {
  Start();
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  ASSERT_TRUE(server_
                  .Do(DeleteObject(Deployments(), "default", "my-app",
                                   {.propagation_policy = "Background"}))
                  .ok());
  EXPECT_TRUE(server_.Find(Deployments(), "default/my-app").is_null());
  EXPECT_TRUE(v_.executor.AdvanceUntil(
      [&] { return server_.All(ReplicaSets()).empty() && server_.All(Pods()).empty(); },
      absl::Seconds(60)));

  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  bool owner_last = true;
  server_.on_change = [&] {
    const bool owned = !server_.All(ReplicaSets()).empty() || !server_.All(Pods()).empty();
    if (owned && server_.Find(Deployments(), "default/my-app").is_null()) owner_last = false;
  };
  ASSERT_TRUE(server_
                  .Do(DeleteObject(Deployments(), "default", "my-app",
                                   {.propagation_policy = "Foreground"}))
                  .ok());
  EXPECT_TRUE(v_.executor.AdvanceUntil(
      [&] { return server_.Find(Deployments(), "default/my-app").is_null(); }, absl::Seconds(60)));
  EXPECT_TRUE(owner_last) << "in the foreground the owner goes last";
  server_.on_change = nullptr;

  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  const std::string set(Uid(server_.All(ReplicaSets())[0]));
  ASSERT_TRUE(
      server_.Do(DeleteObject(Deployments(), "default", "my-app", {.propagation_policy = "Orphan"}))
          .ok());
  ASSERT_TRUE(v_.executor.AdvanceUntil(
      [&] { return server_.Find(Deployments(), "default/my-app").is_null(); }, absl::Seconds(60)));
  v_.executor.Advance(absl::Seconds(30));
  ASSERT_EQ(server_.All(ReplicaSets()).size(), 1u);
  EXPECT_EQ(Uid(server_.All(ReplicaSets())[0]), set);
  EXPECT_TRUE(Array(server_.All(ReplicaSets())[0], "metadata.ownerReferences").empty());
  EXPECT_EQ(Ready(), 2);
  // Made anew, the deployment takes them over.
  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  EXPECT_EQ(Uid(server_.All(ReplicaSets())[0]), set);
}

TEST_F(ControllersTest, NothingIsCollectedWhoseOwnerIsMerelyUnseen) {
  Start();
  v_.executor.Advance(absl::Seconds(5));
  Json owner{{"metadata", {{"name", "owner"}, {"namespace", "default"}}}};
  const ApiReply made = server_.Do(CreateObject(ConfigMaps(), std::move(owner)));
  for (const char* uid : {"right", "wrong"}) {
    Json child{{"metadata", {{"name", uid}, {"namespace", "default"}}}};
    child["metadata"]["ownerReferences"] =
        Json::array({{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"name", "owner"},
                      {"uid", *uid == 'r' ? std::string(Uid(made.body)) : "another"}}});
    ASSERT_TRUE(server_.Do(CreateObject(ConfigMaps(), std::move(child))).ok());
  }
  v_.executor.Advance(absl::Seconds(10));
  EXPECT_FALSE(server_.Find(ConfigMaps(), "default/right").is_null());
  EXPECT_TRUE(server_.Find(ConfigMaps(), "default/wrong").is_null())
      << "its owner is another object of that name";
}

TEST_F(ControllersTest, DeletingANamespaceEnds) {
  Start();
  ASSERT_TRUE(server_.Do(CreateObject(Namespaces(), {{"metadata", {{"name", "team"}}}})).ok());
  Json deployment = *Parse(R"({"metadata":{"name":"x","namespace":"team"},"spec":{"replicas":3,
      "selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})");
  ASSERT_TRUE(server_.Do(CreateObject(Deployments(), std::move(deployment))).ok());
  ASSERT_TRUE(server_
                  .Do(CreateObject(Services(), *Parse(
                                                   R"({"metadata":{"name":"s","namespace":"team"},
                      "spec":{"selector":{"app":"x"},"ports":[{"port":1}]}})")))
                  .ok());
  ASSERT_TRUE(v_.executor.AdvanceUntil([&] { return Ready() == 3; }, absl::Seconds(60)));
  ASSERT_TRUE(server_.Do(DeleteObject(Namespaces(), "", "team", {})).ok());
  ASSERT_TRUE(v_.executor.AdvanceUntil([&] { return server_.Find(Namespaces(), "team").is_null(); },
                                       absl::Minutes(3)));
  for (const ResourceType* type :
       {&Pods(), &ReplicaSets(), &Deployments(), &Services(), &EndpointsType(), &Events()}) {
    for (const Json& object : server_.All(*type))
      EXPECT_NE(Namespace(object), "team") << type->resource;
  }
}

TEST_F(ControllersTest, PodsOfADeadNodeAreReplacedAndItsReturnIsNoticed) {
  Start(1);
  v_.executor.Advance(absl::Seconds(2));
  auto second = std::make_unique<Process>(v_, server_, "second", 1, "other-");
  ASSERT_TRUE(
      v_.executor.AdvanceUntil([&] { return server_.All(Nodes()).size() == 2; }, absl::Seconds(9)));
  Apply(4, "a");
  ASSERT_TRUE(Converges(4, "a"));
  ASSERT_EQ(NodesUsed(), (std::set<std::string>{"node-1", "other-1"}));
  std::set<std::string> addresses;
  for (const Json& pod : server_.All(Pods())) addresses.emplace(Str(pod, "status.podIP"));
  EXPECT_EQ(addresses.size(), 4u) << "two processes gave the same address";
  second.reset();
  ASSERT_TRUE(v_.executor.AdvanceUntil(
      [&] {
        return Str(FindCondition(At(server_.Find(Nodes(), "other-1"), "status.conditions"),
                                 "Ready"),
                   "status") == "Unknown";
      },
      absl::Seconds(70)));
  EXPECT_TRUE(IsReady(server_.Find(Nodes(), "node-1")));
  ASSERT_TRUE(v_.executor.AdvanceUntil([&] { return Ready("a") == 4; }, absl::Seconds(60)));
  for (const Json& pod : server_.All(Pods())) {
    if (Str(pod, "spec.nodeName") == "other-1") {
      EXPECT_TRUE(Deleting(pod)) << Name(pod);
    }
  }
  // The node comes back: it says so, loses its taints, and finishes what was to be deleted.
  second = std::make_unique<Process>(v_, server_, "second", 1, "other-");
  ASSERT_TRUE(Converges(4, "a"));
  ASSERT_TRUE(v_.executor.AdvanceUntil(
      [&] { return Array(server_.Find(Nodes(), "other-1"), "spec.taints").empty(); },
      absl::Seconds(20)));
}

TEST_F(ControllersTest, PodsOfADeletedNodeAreReplaced) {
  Start(2);
  Apply(4, "a");
  ASSERT_TRUE(Converges(4, "a"));
  ASSERT_TRUE(server_.Do(DeleteObject(Nodes(), "", "node-2", {})).ok());
  ASSERT_TRUE(v_.executor.AdvanceUntil(
      [&] { return Complete(4, "a") && NodesUsed() == std::set<std::string>{"node-1"}; },
      absl::Seconds(90)));
}

TEST_F(ControllersTest, AnOutageOfTheStoreKillsNoNode) {
  Start();
  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  std::set<std::string> before;
  for (const Json& pod : server_.All(Pods())) before.emplace(Uid(pod));
  bool unknown = false;
  server_.on_change = [&] {
    for (const Json& node : server_.All(Nodes())) {
      unknown |= Str(FindCondition(At(node, "status.conditions"), "Ready"), "status") == "Unknown";
    }
  };
  for (size_t i = 0; i < 3; ++i) server_.Down(i);
  v_.executor.Advance(absl::Minutes(5));
  for (size_t i = 0; i < 3; ++i) server_.Up(i);
  v_.executor.Advance(absl::Minutes(2));
  EXPECT_FALSE(unknown) << "nodes were declared dead because we could not see";
  for (const Json& pod : server_.All(Pods())) EXPECT_TRUE(before.contains(std::string(Uid(pod))));
  Apply(3, "b");
  EXPECT_TRUE(Converges(3, "b"));
}

TEST_F(ControllersTest, NodesAreNotSilentWhileWeAreBlind) {
  Start();
  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  // Requests are answered and the lease is renewed, but no watch comes through; just after the node
  // told its status, so that for a minute nothing but our own eyes would keep us from writing that
  // it is dead.
  const auto told = [&] { return ResourceVersion(server_.Find(Nodes(), "node-1")); };
  const uint64_t before = told();
  ASSERT_TRUE(v_.executor.AdvanceUntil([&] { return told() != before; }, absl::Seconds(90)));
  v_.executor.Advance(absl::Seconds(1));
  bool unknown = false;
  server_.on_change = [&] {
    for (const Json& node : server_.All(Nodes())) unknown |= !IsReady(node);
  };
  server_.RefuseStreams(true);
  server_.EndStreams(absl::UnavailableError("connection reset"));
  v_.executor.Advance(absl::Minutes(5));
  EXPECT_TRUE(process_->manager->leading());
  server_.RefuseStreams(false);
  v_.executor.Advance(absl::Minutes(1));
  EXPECT_FALSE(unknown);
}

TEST_F(ControllersTest, StaleCacheOfPodsMakesNoPodTooMany) {
  Start();
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  server_.Hold("pods");
  for (const int replicas : {6, 2}) {
    const size_t before = server_.All(Pods()).size();
    Apply(replicas, "a");
    for (int i = 0; i < 5; ++i) {
      v_.executor.Advance(absl::Seconds(1));
      Json set = server_.All(ReplicaSets())[0];
      set["metadata"]["annotations"]["touched"] = std::to_string(i);
      ASSERT_TRUE(server_.Do(UpdateObject(ReplicaSets(), std::move(set))).ok());
    }
    size_t active = 0;
    for (const Json& pod : server_.All(Pods())) active += IsActive(pod) ? 1 : 0;
    EXPECT_EQ(active, static_cast<size_t>(replicas)) << "from " << before;
    server_.Release();
    ASSERT_TRUE(Converges(replicas, "a"));
    server_.Hold("pods");
  }
  server_.Release();
}

TEST_F(ControllersTest, UnschedulablePodsSayWhyAndGoWhenThereIsRoom) {
  Start(0);
  Apply(1, "a");
  ASSERT_TRUE(
      v_.executor.AdvanceUntil([&] { return HasEvent("FailedScheduling"); }, absl::Seconds(30)));
  const Json pod = server_.All(Pods())[0];
  const Json& condition = FindCondition(At(pod, "status.conditions"), "PodScheduled");
  EXPECT_EQ(Str(condition, "reason"), "Unschedulable");
  EXPECT_EQ(Str(condition, "message"), "no nodes available to schedule pods");
  Process nodes(v_, server_, "second", 1);
  EXPECT_TRUE(Converges(1, "a", absl::Seconds(10)));
}

TEST_F(ControllersTest, SurvivesTheMemberItTalksTo) {
  Start();
  Apply(3, "a");
  ASSERT_TRUE(Converges(3, "a"));
  for (int round = 0; round < 3; ++round) {
    const size_t victim = process_->endpoints.current();
    server_.Down(victim);
    Apply(4 + round % 2, "a");
    EXPECT_TRUE(Converges(4 + round % 2, "a", absl::Seconds(8))) << round;
    server_.Up(victim);
  }
}

TEST_F(ControllersTest, SuccessorTakesOverWhenTheLeaderDies) {
  Start(1);
  Apply(2, "a");
  ASSERT_TRUE(Converges(2, "a"));
  Process standby(v_, server_, "standby", 1, "other-");
  v_.executor.Advance(absl::Seconds(5));
  ASSERT_TRUE(process_->manager->leading());
  ASSERT_FALSE(standby.manager->leading());
  process_.reset();
  Apply(3, "a");
  ASSERT_TRUE(
      v_.executor.AdvanceUntil([&] { return standby.manager->leading(); }, absl::Seconds(20)));
  EXPECT_TRUE(
      v_.executor.AdvanceUntil([&] { return server_.All(Pods()).size() == 3; }, absl::Seconds(10)));
  // Stopping gives the lease up and stops acting.
  bool stopped = false;
  standby.manager->Stop([&] { stopped = true; });
  EXPECT_FALSE(standby.manager->leading());
  EXPECT_TRUE(v_.executor.AdvanceUntil([&] { return stopped; }, absl::Seconds(5)));
}

}  // namespace
}  // namespace pintle::client::controllers

// Tables for the pure decisions of the controllers other than Deployment.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/controllers/endpoints_reconcile.h"
#include "client/controllers/garbage_reconcile.h"
#include "client/controllers/namespaces.h"
#include "client/controllers/node_health.h"
#include "client/controllers/ownership.h"
#include "client/controllers/quantity.h"
#include "client/controllers/replica_set_reconcile.h"
#include "client/controllers/scheduling.h"
#include "client/controllers/simulated_objects.h"
#include "client/selectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::client::controllers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Json J(const char* text) {
  std::optional<Json> value = Parse(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value.value_or(Json());
}
ObjectPtr P(Json object) { return std::make_shared<const Json>(std::move(object)); }

TEST(Quantity, ReadsEverySuffix) {
  const std::vector<std::pair<const char*, int64_t>> table = {
      {"1", 1000},        {"500m", 500},          {"0.5", 500},       {"1k", 1'000'000},
      {"1Ki", 1'024'000}, {"2Mi", 2'097'152'000}, {"1e3", 1'000'000}, {"1u", 1},
      {"0", 0},           {"110", 110'000}};
  for (const auto& [text, expected] : table) EXPECT_EQ(ParseQuantity(text), expected) << text;
  for (const char* bad : {"", "m", "1x", "1.2.3", "ten"}) {
    EXPECT_EQ(ParseQuantity(bad), std::nullopt) << bad;
  }
}

TEST(Selectors, MatchAsKubernetesDoes) {
  const Json labels = J(R"({"app":"web","tier":"front","n":"5"})");
  const std::vector<std::pair<const char*, bool>> table = {
      {R"({})", true},
      {R"({"matchLabels":{"app":"web"}})", true},
      {R"({"matchLabels":{"app":"db"}})", false},
      {R"({"matchExpressions":[{"key":"app","operator":"In","values":["web","x"]}]})", true},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]})", false},
      {R"({"matchExpressions":[{"key":"absent","operator":"NotIn","values":["web"]}]})", true},
      {R"({"matchExpressions":[{"key":"tier","operator":"Exists"}]})", true},
      {R"({"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]})", false},
      {R"({"matchExpressions":[{"key":"n","operator":"Gt","values":["4"]}]})", true},
      {R"({"matchExpressions":[{"key":"n","operator":"Lt","values":["4"]}]})", false},
      {R"({"matchExpressions":[{"key":"n","operator":"Near","values":["4"]}]})", false}};
  for (const auto& [selector, expected] : table) {
    EXPECT_EQ(MatchesLabelSelector(J(selector), labels), expected) << selector;
  }
  EXPECT_FALSE(MatchesLabelSelector(Json(), labels)) << "null selects nothing";
}

TEST(Ownership, AdoptsReleasesAndLeavesOthersAlone) {
  const Json set = J(R"({"metadata":{"name":"rs","namespace":"d","uid":"u1"},
                         "spec":{"selector":{"matchLabels":{"app":"web"}}}})");
  const auto pod = [](const char* name, const char* app, const char* owner) {
    Json out{{"metadata",
              {{"name", name}, {"namespace", "d"}, {"uid", name}, {"labels", {{"app", app}}}}}};
    if (*owner != '\0') {
      out["metadata"]["ownerReferences"] = Json::array({{{"uid", owner}, {"controller", true}}});
    }
    return P(std::move(out));
  };
  const Claims claims =
      ClaimObjects(ReplicaSets(), set, Pods(),
                   {pod("mine", "web", "u1"), pod("orphan", "web", ""), pod("strayed", "db", "u1"),
                    pod("others", "web", "u2"), pod("stranger", "db", "")});
  ASSERT_EQ(claims.owned.size(), 1u);
  EXPECT_EQ(Name(*claims.owned[0]), "mine");
  ASSERT_EQ(claims.changes.size(), 2u);
  EXPECT_EQ(claims.changes[0].request.path, "/api/v1/namespaces/d/pods/orphan");
  EXPECT_EQ(Str(claims.changes[0].request.body["metadata"]["ownerReferences"][0], "uid"), "u1");
  EXPECT_EQ(Str(claims.changes[0].request.body, "metadata.uid"), "orphan");
  EXPECT_EQ(claims.changes[1].request.path, "/api/v1/namespaces/d/pods/strayed");
  EXPECT_EQ(Str(claims.changes[1].request.body["metadata"]["ownerReferences"][0], "$patch"),
            "delete");
  Json deleting = set;
  deleting["metadata"]["deletionTimestamp"] = Rfc3339(kNow);
  EXPECT_TRUE(
      ClaimObjects(ReplicaSets(), deleting, Pods(), {pod("orphan", "web", "")}).changes.empty());
}

Json PodOf(const std::string& name, const std::string& node, bool ready, int age_seconds) {
  Json pod{{"metadata",
            {{"name", name},
             {"namespace", "d"},
             {"uid", name},
             {"labels", {{"app", "web"}}},
             {"creationTimestamp", Rfc3339(kNow - absl::Seconds(age_seconds))}}},
           {"spec", Json::object()},
           {"status", {{"phase", node.empty() ? "Pending" : "Running"}}}};
  if (!node.empty()) pod["spec"]["nodeName"] = node;
  pod["status"]["conditions"] =
      Json::array({{{"type", "Ready"},
                    {"status", ready ? "True" : "False"},
                    {"lastTransitionTime", Rfc3339(kNow - absl::Seconds(age_seconds))}}});
  return pod;
}

ReplicaSetView ViewOf(int replicas, std::vector<Json> pods) {
  ReplicaSetView view;
  view.now = kNow;
  view.set =
      P({{"metadata", {{"name", "web-abc"}, {"namespace", "d"}, {"uid", "u1"}, {"generation", 2}}},
         {"spec",
          {{"replicas", replicas},
           {"template",
            {{"metadata", {{"labels", {{"app", "web"}}}}},
             {"spec", {{"containers", Json::array()}}}}}}}});
  for (Json& pod : pods) view.pods.push_back(P(std::move(pod)));
  return view;
}

TEST(ReplicaSet, MakesAndTakesPodsWithinTheBurst) {
  EXPECT_EQ(PodsMissing(ViewOf(3, {})), 3);
  EXPECT_EQ(PodsMissing(ViewOf(0, {PodOf("a", "", false, 1)})), -1);
  EXPECT_EQ(PodsMissing(ViewOf(100000, {})), 500);
}

TEST(ReplicaSet, DeletesTheLeastUsefulFirst) {
  std::vector<Json> pods = {
      PodOf("old-ready", "n1", true, 500), PodOf("young-ready", "n1", true, 5),
      PodOf("not-ready", "n2", false, 900), PodOf("unassigned", "", false, 900),
      PodOf("lonely-ready", "n2", true, 500)};
  pods[0]["metadata"]["annotations"] = Json::object();
  Json cheap = PodOf("cheap", "n3", true, 5000);
  cheap["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "-1";
  pods.push_back(cheap);
  ReplicaSetView view = ViewOf(0, std::move(pods));
  view.related_by_node = {{"n1", 2}, {"n2", 2}, {"n3", 1}};
  std::vector<std::string> order;
  for (const ObjectPtr& pod : PodsToDelete(view, 6)) order.emplace_back(Name(*pod));
  EXPECT_THAT(order, ElementsAre("unassigned", "not-ready", "cheap", "young-ready", "lonely-ready",
                                 "old-ready"));
}

TEST(ReplicaSet, CountsReadyAndAvailable) {
  ReplicaSetView view =
      ViewOf(3, {PodOf("a", "n", true, 100), PodOf("b", "n", true, 5), PodOf("c", "n", false, 5)});
  Json set = *view.set;
  set["spec"]["minReadySeconds"] = 30;
  view.set = P(set);
  const Json status = ReplicaSetStatus(view, "", "");
  EXPECT_EQ(Int(status, "replicas"), 3);
  EXPECT_EQ(Int(status, "fullyLabeledReplicas"), 3);
  EXPECT_EQ(Int(status, "readyReplicas"), 2);
  EXPECT_EQ(Int(status, "availableReplicas"), 1);
  EXPECT_EQ(Int(status, "observedGeneration"), 2);
  const Json failed = ReplicaSetStatus(view, "FailedCreate", "quota");
  EXPECT_EQ(Str(FindCondition(failed["conditions"], "ReplicaFailure"), "reason"), "FailedCreate");
}

TEST(ReplicaSet, PodsAreMadeFromTheTemplate) {
  const Json pod = PodFromTemplate(*ViewOf(1, {}).set, "x2x4x");
  EXPECT_EQ(Name(pod), "web-abc-x2x4x");
  EXPECT_EQ(Str(pod, "metadata.generateName"), "web-abc-");
  EXPECT_EQ(Label(pod, "app"), "web");
  EXPECT_EQ(Str(ControllerRef(pod), "uid"), "u1");
  EXPECT_EQ(Str(ControllerRef(pod), "apiVersion"), "apps/v1");
}

NodeLoad NodeOf(const char* name, const char* extra = "{}") {
  Json node = J(R"({"status":{"allocatable":{"cpu":"2","memory":"1Gi","pods":"3"},
                              "conditions":[{"type":"Ready","status":"True"}]}})");
  node["metadata"] = {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}}}};
  node.merge_patch(J(extra));
  NodeLoad load;
  load.node = P(std::move(node));
  return load;
}

TEST(Scheduling, FiltersInKubernetesWords) {
  struct Row {
    const char* pod;
    const char* node;
    const char* reason;
  };
  const std::vector<Row> table = {
      {R"({})", R"({})", ""},
      {R"({})", R"({"spec":{"unschedulable":true}})", "node(s) were unschedulable"},
      {R"({"spec":{"tolerations":[{"operator":"Exists"}]}})", R"({"spec":{"unschedulable":true}})",
       ""},
      {R"({"spec":{"nodeSelector":{"disk":"ssd"}}})", R"({})",
       "node(s) didn't match Pod's node affinity/selector"},
      {R"({"spec":{"nodeSelector":{"disk":"ssd"}}})", R"({"metadata":{"labels":{"disk":"ssd"}}})",
       ""},
      {R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
          {"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"In","values":["a"]}]},
                                {"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}}}}})",
       R"({})", ""},
      {R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
          {"nodeSelectorTerms":[{}]}}}}})",
       R"({})", "node(s) didn't match Pod's node affinity/selector"},
      {R"({})", R"({"spec":{"taints":[{"key":"k","value":"v","effect":"NoSchedule"}]}})",
       "node(s) had untolerated taint {k: v}"},
      {R"({"spec":{"tolerations":[{"key":"k","value":"v","effect":"NoSchedule"}]}})",
       R"({"spec":{"taints":[{"key":"k","value":"v","effect":"NoSchedule"}]}})", ""},
      {R"({})", R"({"spec":{"taints":[{"key":"k","effect":"PreferNoSchedule"}]}})", ""},
      {R"({})", R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})",
       "node(s) were not ready"},
      {R"({"spec":{"containers":[{"resources":{"requests":{"cpu":"1500m"}}},
                               {"resources":{"requests":{"cpu":"600m"}}}]}})",
       R"({})", "Insufficient cpu"},
      {R"({"spec":{"initContainers":[{"resources":{"requests":{"memory":"2Gi"}}}]}})", R"({})",
       "Insufficient memory"},
      {R"({"spec":{"containers":[{"resources":{"requests":{"gpu.example/x":"1"}}}]}})", R"({})",
       "Insufficient gpu.example/x"},
      {R"({})", R"({"status":{"allocatable":{"pods":"0"}}})", "Too many pods"}};
  for (const Row& row : table) {
    const Json pod = J(row.pod);
    EXPECT_EQ(WhyNot(pod, PodRequests(pod), NodeOf("n", row.node)), row.reason)
        << row.pod << row.node;
  }
}

TEST(Scheduling, SpreadsAndSaysWhyNot) {
  std::vector<NodeLoad> nodes = {NodeOf("a"), NodeOf("b")};
  std::vector<std::string> order;
  Json pod = J(R"({"metadata":{"ownerReferences":[{"uid":"rs","controller":true}]}})");
  for (int i = 0; i < 7; ++i) {
    const Placement placement = PlacePod(pod, nodes);
    order.push_back(placement.node);
    for (NodeLoad& node : nodes) {
      if (Name(*node.node) == placement.node) node.Add(pod);
    }
  }
  EXPECT_THAT(order, ElementsAre("a", "b", "a", "b", "a", "b", ""));
  EXPECT_EQ(PlacePod(pod, nodes).message, "0/2 nodes are available: 2 Too many pods.");
  EXPECT_EQ(PlacePod(pod, {}).message, "no nodes available to schedule pods");
}

Json ServedPod(const std::string& name, const std::string& ip, bool ready) {
  Json pod = PodOf(name, "node-1", ready, 10);
  pod["status"]["podIP"] = ip;
  pod["spec"]["containers"] = J(R"([{"name":"c","ports":[{"name":"web","containerPort":8080}]}])");
  return pod;
}

TEST(Endpoints, PacksSortsAndResolvesNamedPorts) {
  const Json service = J(R"({"metadata":{"name":"s","namespace":"d"},"spec":{"ports":[
      {"name":"http","port":80,"targetPort":"web","protocol":"TCP"},{"name":"m","port":9,"protocol":"TCP"}]}})");
  Json nameless = ServedPod("d", "10.0.0.9", true);
  nameless["spec"]["containers"][0].erase("ports");
  const Json subsets = EndpointSubsets(
      service, {P(ServedPod("b", "10.0.0.2", true)), P(ServedPod("a", "10.0.0.1", true)),
                P(ServedPod("c", "10.0.0.3", false)), P(nameless)});
  ASSERT_EQ(subsets.size(), 2u) << subsets.dump(1);
  bool seen = false;
  for (const Json& subset : subsets) {
    if (subset["ports"][0]["name"] != "http") continue;
    seen = true;
    EXPECT_EQ(subset["ports"][0]["port"], 8080);
    ASSERT_EQ(subset["addresses"].size(), 2u);
    EXPECT_EQ(subset["addresses"][0]["ip"], "10.0.0.1");
    EXPECT_EQ(Str(subset["addresses"][0], "targetRef.name"), "a");
    EXPECT_EQ(subset["addresses"][0]["nodeName"], "node-1");
    ASSERT_EQ(subset["notReadyAddresses"].size(), 1u);
  }
  EXPECT_TRUE(seen);
}

TEST(Endpoints, SharesASubsetWhenAddressesAreTheSame) {
  const Json service = J(R"({"metadata":{"name":"s","namespace":"d"},"spec":{"ports":[
      {"name":"x","port":80},{"name":"y","port":81}]}})");
  const Json subsets = EndpointSubsets(service, {P(ServedPod("a", "10.0.0.1", true))});
  ASSERT_EQ(subsets.size(), 1u);
  EXPECT_EQ(subsets[0]["ports"].size(), 2u);
}

TEST(Endpoints, LeavesOutTheGoneAndTheAddressless) {
  const Json service =
      J(R"({"metadata":{"name":"s","namespace":"d"},"spec":{"ports":[{"port":80}]}})");
  Json deleting = ServedPod("a", "10.0.0.1", true);
  deleting["metadata"]["deletionTimestamp"] = Rfc3339(kNow);
  Json failed = ServedPod("b", "10.0.0.2", false);
  failed["status"]["phase"] = "Failed";
  failed["spec"]["restartPolicy"] = "Never";
  EXPECT_TRUE(
      EndpointSubsets(service, {P(deleting), P(failed), P(ServedPod("c", "", true))}).empty());
  Json publishing = service;
  publishing["spec"]["publishNotReadyAddresses"] = true;
  EXPECT_EQ(EndpointSubsets(publishing, {P(deleting)}).size(), 1u);
}

TEST(Endpoints, HeadlessServicesAreMarkedAndNeedNoPorts) {
  const Json service = J(
      R"({"metadata":{"name":"s","namespace":"d","labels":{"a":"b"}},"spec":{"clusterIP":"None"}})");
  const Json endpoints = DesiredEndpoints(service, {P(ServedPod("a", "10.0.0.1", true))}, Json());
  EXPECT_EQ(Label(endpoints, "a"), "b");
  EXPECT_TRUE(endpoints["metadata"]["labels"].contains("service.kubernetes.io/headless"));
  ASSERT_EQ(endpoints["subsets"].size(), 1u);
  EXPECT_FALSE(endpoints["subsets"][0].contains("ports"));
}

TEST(NodeHealth, SilenceMakesUnknownTaintsFollowAndWordClears) {
  Json node =
      J(R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"mine","effect":"NoSchedule"}]},
                    "status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  EXPECT_EQ(TaintsFor(node, kNow), std::nullopt);
  node["status"]["conditions"] = ConditionsWhenSilent(node, kNow).value();
  EXPECT_EQ(Str(FindCondition(node["status"]["conditions"], "Ready"), "status"), "Unknown");
  EXPECT_EQ(Str(FindCondition(node["status"]["conditions"], "Ready"), "reason"),
            "NodeStatusUnknown");
  EXPECT_EQ(ConditionsWhenSilent(node, kNow), std::nullopt) << "said once is enough";
  node["spec"]["taints"] = TaintsFor(node, kNow).value();
  ASSERT_EQ(node["spec"]["taints"].size(), 3u);
  EXPECT_EQ(TaintsFor(node, kNow), std::nullopt);
  node["status"]["conditions"] = J(R"([{"type":"Ready","status":"False"}])");
  node["spec"]["taints"] = TaintsFor(node, kNow).value();
  EXPECT_EQ(node["spec"]["taints"][1]["key"], "node.kubernetes.io/not-ready");
  node["status"]["conditions"] = J(R"([{"type":"Ready","status":"True"}])");
  EXPECT_EQ(TaintsFor(node, kNow).value().size(), 1u) << "a foreign taint must stay";
}

TEST(NodeHealth, EvictionWaitsForTheTolerationOfEachPod) {
  Json node =
      J(R"({"spec":{"taints":[{"key":"node.kubernetes.io/unreachable","effect":"NoExecute"}]}})");
  node["spec"]["taints"][0]["timeAdded"] = Rfc3339(kNow);
  const auto when = [&](const char* tolerations) {
    Json pod;
    pod["spec"]["tolerations"] = J(tolerations);
    return EvictionTime(pod, node, absl::Seconds(60));
  };
  EXPECT_EQ(when("[]"), kNow + absl::Seconds(60));
  EXPECT_EQ(
      when(R"([{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute",
                      "tolerationSeconds":300}])"),
      kNow + absl::Seconds(60))
      << "admission's default";
  EXPECT_EQ(
      when(
          R"([{"key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":7}])"),
      kNow + absl::Seconds(7));
  EXPECT_EQ(when(R"([{"operator":"Exists"}])"), absl::InfiniteFuture());
  node["spec"]["taints"][0]["key"] = "drained";
  EXPECT_EQ(when("[]"), absl::InfinitePast());
  node["spec"]["taints"][0]["effect"] = "NoSchedule";
  EXPECT_EQ(when("[]"), absl::InfiniteFuture());
}

Dependent ItemWithOwners(int owners) {
  Json pod{
      {"metadata", {{"name", "p"}, {"namespace", "d"}, {"uid", "pu"}, {"resourceVersion", "7"}}}};
  for (int i = 0; i < owners; ++i) {
    pod["metadata"]["ownerReferences"].push_back(
        {{"uid", absl::StrCat("o", i)}, {"blockOwnerDeletion", true}});
  }
  return {Pods(), P(std::move(pod))};
}

TEST(GarbageCollection, DeletesOnlyWhatNobodyOwns) {
  using enum OwnerState;
  EXPECT_TRUE(CollectDependent(ItemWithOwners(1), {kSolid}, false).actions.empty());
  Plan plan = CollectDependent(ItemWithOwners(2), {kAbsent, kAbsent}, false);
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].request.method, "DELETE");
  EXPECT_EQ(Str(plan.actions[0].request.body, "preconditions.uid"), "pu");
  EXPECT_EQ(Str(plan.actions[0].request.body, "propagationPolicy"), "Background");
  plan = CollectDependent(ItemWithOwners(2), {kAbsent, kSolid}, false);
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].request.method, "PATCH");
  ASSERT_EQ(plan.actions[0].request.body["metadata"]["ownerReferences"].size(), 1u);
  EXPECT_EQ(plan.actions[0].request.body["metadata"]["ownerReferences"][0]["uid"], "o0");
  plan = CollectDependent(ItemWithOwners(1), {kWaiting}, true);
  EXPECT_EQ(Str(plan.actions[0].request.body, "propagationPolicy"), "Foreground");
}

TEST(GarbageCollection, OrphaningLetsEveryDependentGoFirst) {
  Dependent owner = ItemWithOwners(0);
  Json object = *owner.object;
  object["metadata"]["finalizers"] = {"orphan", "mine"};
  owner.object = P(object);
  const Plan plan = OrphanDependents(owner, {ItemWithOwners(1), ItemWithOwners(2)});
  ASSERT_EQ(plan.actions.size(), 3u);
  EXPECT_EQ(plan.actions[0].request.body["metadata"]["ownerReferences"][0]["uid"], "pu");
  EXPECT_EQ(plan.actions[2].request.body["metadata"]["finalizers"], J(R"(["mine"])"));
  EXPECT_TRUE(Blocks(*ItemWithOwners(1).object, "o0"));
  EXPECT_FALSE(Blocks(*ItemWithOwners(1).object, "pu"));
}

TEST(Namespaces, OnlyKubernetesOwnFinalizerIsTaken) {
  const Json changed =
      WithoutKubernetesFinalizer(J(R"({"spec":{"finalizers":["kubernetes","mine"]}})"));
  EXPECT_EQ(changed["spec"]["finalizers"], J(R"(["mine"])"));
}

TEST(SimulatedNodes, PodsRunInNameOnlyAndKeepTheirTimes) {
  Json pod = PodOf("p", "n", false, 1);
  pod["spec"]["containers"] = J(R"([{"name":"c","image":"nginx:1"}])");
  EXPECT_TRUE(NeedsRunning(pod));
  pod["status"] = RunningStatus(pod, "10.200.0.1", "10.244.1.2", kNow);
  EXPECT_FALSE(NeedsRunning(pod));
  EXPECT_THAT(std::string(Str(pod, "status.message")), HasSubstr("in name only"));
  const Json later = RunningStatus(pod, "10.200.0.1", "10.244.1.2", kNow + absl::Hours(1));
  EXPECT_EQ(later, pod["status"]) << "telling it again must change nothing";
  pod["spec"]["containers"][0]["image"] = "nginx:2";
  EXPECT_TRUE(NeedsRunning(pod));
  const Json restarted = RunningStatus(pod, "10.200.0.1", "10.244.1.2", kNow + absl::Hours(1));
  EXPECT_EQ(Int(restarted["containerStatuses"][0], "restartCount"), 1);
  pod["status"]["phase"] = "Failed";
  EXPECT_FALSE(NeedsRunning(pod));
}

}  // namespace
}  // namespace pintle::client::controllers

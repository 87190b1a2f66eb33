// Writes through the whole façade: create, update, patch, apply, status, scale, binding.
#include "tests/kube/harness.h"

namespace pintle::server::kube::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(FaceTest, CreatedObjectCarriesWhatTheServerDecides) {
  Json body = ConfigMap("a", {{"k", "v"}});
  body["metadata"]["uid"] = "mine";
  body["metadata"]["selfLink"] = "/x";
  body["metadata"]["managedFields"] = Json::array({{{"manager", "m"}}});
  body["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z";
  const Json made = Must(201, "POST", kMaps, body);
  EXPECT_EQ(made["metadata"]["namespace"], "default");
  EXPECT_EQ(made["metadata"]["creationTimestamp"], "2023-11-14T22:13:20Z");
  EXPECT_NE(made["metadata"]["uid"], "mine");
  for (const char* dropped : {"selfLink", "managedFields", "deletionTimestamp", "generation"})
    EXPECT_FALSE(made["metadata"].contains(dropped)) << dropped;
  EXPECT_EQ(Must(200, "GET", std::string(kMaps) + "/a"), made);
}

TEST_F(FaceTest, CreateRefuses) {
  Must(201, "POST", kMaps, ConfigMap("a"));
  EXPECT_EQ(Must(409, "POST", kMaps, ConfigMap("a"))["message"], "configmaps \"a\" already exists");
  EXPECT_EQ(Must(404, "POST", "/api/v1/namespaces/none/configmaps", ConfigMap("a"))["message"],
            "namespaces \"none\" not found");
  const Json nameless = Must(422, "POST", kMaps, Json::object());
  EXPECT_EQ(nameless["message"],
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is "
            "required");
  EXPECT_EQ(nameless["details"]["causes"][0]["reason"], "FieldValueRequired");
  Json elsewhere = ConfigMap("b");
  elsewhere["metadata"]["namespace"] = "other";
  EXPECT_EQ(
      Must(400, "POST", kMaps, elsewhere)["message"],
      "the namespace of the provided object does not match the namespace sent on the request");
  Json versioned = ConfigMap("b");
  versioned["metadata"]["resourceVersion"] = "5";
  EXPECT_EQ(Must(400, "POST", kMaps, versioned)["message"],
            "resourceVersion should not be set on objects to be created");
  Json secret = ConfigMap("b");
  secret["kind"] = "Secret";
  EXPECT_THAT(Must(400, "POST", kMaps, secret)["message"].get<std::string>(),
              StartsWith("Secret in version \"v1\" cannot be handled as a ConfigMap: "));
  Must(422, "POST", kMaps, ConfigMap("Bad_Name"));
  Must(415, "POST", kMaps, ConfigMap("b"),
       {{"content-type", "application/vnd.kubernetes.protobuf"}});
  EXPECT_EQ(Begin("POST", kMaps, "{bad")->status(), 400);
  EXPECT_EQ(Begin("POST", kMaps, std::string(100'000, '['))->status(), 400);
  Must(422, "POST", std::string(kMaps) + "?dryRun=Foo", ConfigMap("b"));
}

TEST_F(FaceTest, GeneratedNamesAreFreeOnes) {
  Json body = ConfigMap("");
  body["metadata"] = {{"generateName", "gen-"}};
  std::set<std::string> names;
  for (int i = 0; i < 5; ++i) {
    const std::string name = Must(201, "POST", kMaps, body)["metadata"]["name"];
    EXPECT_THAT(name, StartsWith("gen-"));
    EXPECT_EQ(name.size(), 9u);
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 5u);
}

TEST_F(FaceTest, UnknownFieldsAreCutOrRefused) {
  Json body = Deployment("d");
  body["spec"]["bogus"] = 1;
  const std::string strict = std::string(kDeployments) + "?fieldValidation=Strict";
  EXPECT_EQ(
      Must(400, "POST", strict, body)["message"],
      "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
      "unknown field \"spec.bogus\"");
  auto warned = Do("POST", kDeployments, body);
  EXPECT_EQ(warned->status(), 201);
  EXPECT_EQ(warned->headers().Get("warning"), "299 - \"unknown field \\\"spec.bogus\\\"\"");
  EXPECT_FALSE(warned->json()["spec"].contains("bogus"));
}

TEST_F(FaceTest, UpdateFollowsTheResourceVersion) {
  const Json made = Must(201, "POST", kMaps, ConfigMap("a", {{"k", "1"}}));
  const std::string url = std::string(kMaps) + "/a";
  Json next = made;
  next["data"]["k"] = "2";
  const Json updated = Must(200, "PUT", url, next);
  EXPECT_NE(Version(updated), Version(made));
  EXPECT_EQ(updated["metadata"]["uid"], made["metadata"]["uid"]);
  EXPECT_EQ(Must(409, "PUT", url, next)["message"],
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
            "please apply your changes to the latest version and try again");
  // Without a version it overwrites; the same again writes nothing.
  next["metadata"].erase("resourceVersion");
  next["data"]["k"] = "3";
  const Json forced = Must(200, "PUT", url, next);
  const int64_t revision = member_.loop.revision();
  EXPECT_EQ(Must(200, "PUT", url, forced), forced);
  EXPECT_EQ(member_.loop.revision(), revision);
  next["metadata"]["uid"] = "zzz";
  EXPECT_THAT(Must(409, "PUT", url, next)["message"].get<std::string>(),
              HasSubstr("Precondition failed: UID in precondition: zzz, UID in object meta: "));
  EXPECT_EQ(Must(400, "PUT", url, ConfigMap("b"))["message"],
            "the name of the object (b) does not match the name on the URL (a)");
  Must(404, "PUT", std::string(kMaps) + "/absent", ConfigMap("absent"));
}

TEST_F(FaceTest, SomeKindsAreCreatedOrGuardedByPut) {
  const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  Json lease = {{"metadata", {{"name", "l"}}}, {"spec", {{"holderIdentity", "x"}}}};
  Must(201, "POST", leases, lease);
  EXPECT_EQ(Must(422, "PUT", leases + "/l", lease)["message"],
            "Lease.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: "
            "0x0: must be specified for an update");
  const Json endpoints = {{"metadata", {{"name", "e"}}}};
  Must(201, "PUT", std::string(kDefault) + "endpoints/e", endpoints);
}

TEST_F(FaceTest, GenerationCountsChangesOfTheSpec) {
  const Json made = Must(201, "POST", kDeployments, Deployment("d"));
  EXPECT_EQ(made["metadata"]["generation"], 1);
  const std::string url = std::string(kDeployments) + "/d";
  EXPECT_EQ(Patch(200, url, "merge",
                  {{"metadata", {{"labels", {{"x", "y"}}}}}})["metadata"]["generation"],
            1);
  EXPECT_EQ(Patch(200, url, "merge", {{"spec", {{"replicas", 5}}}})["metadata"]["generation"], 2);
  EXPECT_EQ(Patch(200, url, "merge",
                  {{"metadata", {{"annotations", {{"a", "b"}}}}}})["metadata"]["generation"],
            3);
  const Json status = Patch(
      200, url + "/status", "merge",
      {{"status", {{"replicas", 5}, {"observedGeneration", 3}}}, {"spec", {{"replicas", 9}}}});
  EXPECT_EQ(status["metadata"]["generation"], 3);
  EXPECT_EQ(status["spec"]["replicas"], 5);
  EXPECT_EQ(status["status"]["replicas"], 5);
  // The main door leaves status alone.
  EXPECT_EQ(Patch(200, url, "merge", {{"status", {{"replicas", 1}}}})["status"]["replicas"], 5);
}

TEST_F(FaceTest, PatchesOfThreeTypes) {
  Must(201, "POST", kDeployments, Deployment("d"));
  const std::string url = std::string(kDeployments) + "/d";
  const Json image = Patch(
      200, url, "strategic-merge",
      Json::parse(R"({"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"c"}],
                      "containers":[{"name":"c","image":"nginx:2"}]}}}})"));
  EXPECT_EQ(image["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
  EXPECT_EQ(image["spec"]["template"]["spec"]["containers"].size(), 1u);
  const Json replaced = Patch(
      200, url, "json", Json::parse(R"([{"op":"replace","path":"/spec/replicas","value":7}])"));
  EXPECT_EQ(replaced["spec"]["replicas"], 7);
  Patch(422, url, "json", Json::parse(R"([{"op":"remove","path":"/nothing"}])"));
  Patch(422, url, "merge", {{"metadata", {{"uid", "zzz"}}}});
  Patch(400, url, "merge", {{"metadata", {{"name", "other"}}}});
  Patch(409, url, "merge", {{"metadata", {{"resourceVersion", "1"}}}});
  Patch(422, url, "merge", {{"spec", {{"replicas", -1}}}});
  Patch(400, url, "merge", {{"spec", {{"replicas", "many"}}}});
  EXPECT_EQ(Do("PATCH", url, Json::object(), {{"content-type", "application/json"}})->status(),
            415);
  Patch(404, std::string(kDeployments) + "/absent", "merge", Json::object());
}

TEST_F(FaceTest, PatchIsTriedAgainWhenTheObjectMoves) {
  Must(201, "POST", kMaps, ConfigMap("a", {{"n", "0"}}));
  const std::string url = std::string(kMaps) + "/a";
  // Both plan on the same view; the second finds its guard broken, and must see the first's change.
  auto first = Begin("PATCH", url, R"({"data":{"x":"1"}})",
                     {{"content-type", "application/merge-patch+json"}});
  auto second = Begin("PATCH", url, R"({"data":{"y":"2"}})",
                      {{"content-type", "application/merge-patch+json"}});
  executor_.Run();
  EXPECT_EQ(first->status(), 200);
  EXPECT_EQ(second->status(), 200);
  EXPECT_EQ(Must(200, "GET", url)["data"], Json::parse(R"({"n":"0","x":"1","y":"2"})"));
}

TEST_F(FaceTest, ApplyCreatesAndMerges) {
  const std::string url = std::string(kMaps) + "/a";
  const HeaderList type = {{"content-type", "application/apply-patch+yaml"}};
  const std::string yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
  const auto apply = [&](const std::string& query, const std::string& body) {
    auto exchange = Begin("PATCH", url + query, body, type);
    executor_.Run();
    return exchange;
  };
  EXPECT_EQ(apply("", yaml)->status(), 422);
  EXPECT_EQ(apply("?fieldManager=m", yaml)->status(), 201);
  auto again = apply("?fieldManager=m&force=true", yaml + "  k2: v2\n");
  EXPECT_EQ(again->status(), 200);
  EXPECT_EQ(again->json()["data"], Json::parse(R"({"k":"v","k2":"v2"})"));
  EXPECT_EQ(apply("?fieldManager=m", "kind: ConfigMap\nmetadata: {name: a}\n")->status(), 400);
}

TEST_F(FaceTest, DryRunWritesNothing) {
  const int64_t before = member_.loop.revision();
  Must(201, "POST", kMaps, ConfigMap("a"));
  const int64_t revision = member_.loop.revision();
  EXPECT_GT(revision, before);
  const Json dry = Must(201, "POST", std::string(kMaps) + "?dryRun=All", ConfigMap("b"));
  EXPECT_EQ(Version(dry), "");
  EXPECT_TRUE(dry["metadata"].contains("uid"));
  Must(409, "POST", std::string(kMaps) + "?dryRun=All", ConfigMap("a"));
  Must(200, "PUT", std::string(kMaps) + "/a?dryRun=All", ConfigMap("a", {{"x", "y"}}));
  Must(200, "DELETE", std::string(kMaps) + "/a?dryRun=All");
  Must(200, "DELETE", std::string(kMaps) + "/a", {{"dryRun", {"All"}}});
  Must(201, "POST", std::string(kServices) + "?dryRun=All", Service("s"));
  EXPECT_EQ(member_.loop.revision(), revision);
}

TEST_F(FaceTest, ScaleIsAWindowOnReplicas) {
  Must(201, "POST", kDeployments, Deployment("d"));
  const std::string url = std::string(kDeployments) + "/d/scale";
  const Json scale = Must(200, "GET", url);
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 3);
  EXPECT_EQ(scale["status"]["selector"], "app=d");
  EXPECT_EQ(Patch(200, url, "merge", {{"spec", {{"replicas", 5}}}})["spec"]["replicas"], 5);
  EXPECT_EQ(Must(200, "GET", std::string(kDeployments) + "/d")["spec"]["replicas"], 5);
  Must(409, "PUT", url, scale);
  Json fresh = Must(200, "GET", url);
  fresh["spec"]["replicas"] = 0;
  EXPECT_FALSE(Must(200, "PUT", url, fresh)["spec"].contains("replicas"));
  EXPECT_EQ(Patch(422, url, "merge", {{"spec", {{"replicas", -1}}}})["message"],
            "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater "
            "than or equal to 0");
  Must(404, "GET", std::string(kDeployments) + "/absent/scale");
}

TEST_F(FaceTest, BindingHappensOnce) {
  const Json pod = Must(201, "POST", kPods, Pod("p"));
  const std::string url = std::string(kPods) + "/p/binding";
  Json binding = {{"metadata", {{"name", "p"}}}, {"target", {{"kind", "Node"}, {"name", "n1"}}}};
  Json wrong = binding;
  wrong["metadata"]["uid"] = "zzz";
  Must(409, "POST", url, wrong);
  EXPECT_EQ(Must(201, "POST", url, binding)["status"], "Success");
  const Json bound = Must(200, "GET", std::string(kPods) + "/p");
  EXPECT_EQ(bound["spec"]["nodeName"], "n1");
  EXPECT_EQ(bound["status"]["conditions"][0]["type"], "PodScheduled");
  EXPECT_EQ(
      Must(409, "POST", url, binding)["message"],
      "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node "
      "\"n1\"");
  Must(422, "POST", url, {{"target", {{"kind", "Foo"}}}});
  Must(404, "POST", std::string(kPods) + "/absent/binding", {{"target", {{"name", "n1"}}}});
}

TEST_F(FaceTest, ServicesHoldAddresses) {
  const Json first = Must(201, "POST", kServices, Service("a"));
  const std::string ip = first["spec"]["clusterIP"];
  EXPECT_THAT(ip, StartsWith("10.96."));
  EXPECT_EQ(first["spec"]["clusterIPs"], Json::array({ip}));
  EXPECT_THAT(
      Must(422, "POST", kServices, Service("b", {{"clusterIP", ip}}))["message"].get<std::string>(),
      HasSubstr("failed to allocated ip:" + ip + " with error:provided IP is already allocated"));
  EXPECT_THAT(Must(422, "POST", kServices, Service("b", {{"clusterIP", "10.97.0.1"}}))["message"]
                  .get<std::string>(),
              HasSubstr("provided IP is not in the valid range. The range of valid IPs is "
                        "10.96.0.0/16"));
  EXPECT_EQ(
      Must(201, "POST", kServices, Service("h", {{"clusterIP", "None"}}))["spec"]["clusterIP"],
      "None");
  Must(200, "DELETE", std::string(kServices) + "/a");
  EXPECT_EQ(Must(201, "POST", kServices, Service("b", {{"clusterIP", ip}}))["spec"]["clusterIP"],
            ip);
}

TEST_F(FaceTest, NodePortsComeAndGoWithTheType) {
  const Json made = Must(201, "POST", kServices, Service("a", {{"type", "NodePort"}}));
  const int64_t port = made["spec"]["ports"][0]["nodePort"];
  EXPECT_GE(port, 30000);
  EXPECT_LE(port, 32767);
  const Json taken = {{"type", "NodePort"},
                      {"ports", Json::array({{{"port", 80}, {"nodePort", port}}})}};
  EXPECT_THAT(Must(422, "POST", kServices, Service("b", taken))["message"].get<std::string>(),
              HasSubstr("provided port is already allocated"));
  const std::string url = std::string(kServices) + "/a";
  // kubectl apply leaves the port out: it is kept.
  const Json kept = Patch(200, url, "merge", {{"metadata", {{"labels", {{"x", "y"}}}}}});
  EXPECT_EQ(kept["spec"]["ports"][0]["nodePort"], port);
  EXPECT_EQ(kept["spec"]["clusterIP"], made["spec"]["clusterIP"]);
  const Json plain =
      Patch(200, url, "merge",
            {{"spec", {{"type", "ClusterIP"}, {"ports", Json::array({{{"port", 80}}})}}}});
  EXPECT_FALSE(plain["spec"]["ports"][0].contains("nodePort"));
  Must(201, "POST", kServices, Service("b", taken));
}

TEST_F(FaceTest, ConcurrentServicesGetDifferentAddresses) {
  Must(200, "GET", "/readyz");
  std::vector<std::shared_ptr<Exchange>> exchanges;
  for (int i = 0; i < 8; ++i)
    exchanges.push_back(Begin("POST", kServices, Service("s" + std::to_string(i)).dump()));
  executor_.Run();
  std::set<std::string> ips;
  for (const auto& exchange : exchanges) {
    EXPECT_EQ(exchange->status(), 201) << exchange->body();
    ips.insert(exchange->json()["spec"]["clusterIP"].get<std::string>());
  }
  EXPECT_EQ(ips.size(), 8u);
}

TEST_F(FaceTest, EventsLiveUnderSharedLeases) {
  const auto event = [](const std::string& name) {
    return Json{{"metadata", {{"name", name}}},
                {"involvedObject", {{"kind", "Pod"}, {"name", "p"}, {"namespace", "default"}}},
                {"reason", "Test"},
                {"message", "m"},
                {"type", "Normal"}};
  };
  const std::string url = std::string(kDefault) + "events";
  Must(201, "POST", url, event("a"));
  Must(201, "POST", url, event("b"));
  ASSERT_EQ(member_.view()->Leases().size(), 1u);
  EXPECT_EQ(member_.view()->Leases()[0].granted_ttl_seconds, 3660);
  EXPECT_EQ(member_.view()->LeaseKeys(member_.view()->Leases()[0].id).size(), 2u);
  now_ += absl::Minutes(2);
  Must(201, "POST", url, event("c"));
  EXPECT_EQ(member_.view()->Leases().size(), 2u);
}

TEST_F(FaceTest, SaysWhenTheMemberCannotServe) {
  Must(200, "GET", "/readyz");
  member_.refuse = absl::UnavailableError("etcdserver: request timed out");
  EXPECT_EQ(Must(504, "GET", kMaps)["reason"], "Timeout");
  auto write = Do("POST", kMaps, ConfigMap("a"));
  EXPECT_EQ(write->status(), 504);
  EXPECT_FALSE(write->headers().Has("retry-after"));
  EXPECT_EQ(Do("GET", "/healthz")->status(), 500);
  EXPECT_EQ(Do("GET", "/livez")->status(), 200);
}

}  // namespace
}  // namespace pintle::server::kube::testing

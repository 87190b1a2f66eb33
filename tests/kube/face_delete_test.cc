// Deletion through the whole façade: preconditions, finalizers, grace, propagation, collections,
// namespaces.
#include "tests/kube/harness.h"

namespace pintle::server::kube::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(FaceTest, DeleteAnswersWithStatus) {
  const Json made = Must(201, "POST", kMaps, ConfigMap("a"));
  const Json gone =
      Must(200, "DELETE", std::string(kMaps) + "/a", {{"propagationPolicy", "Background"}});
  EXPECT_EQ(gone["status"], "Success");
  EXPECT_EQ(gone["details"]["kind"], "configmaps");
  EXPECT_EQ(gone["details"]["uid"], made["metadata"]["uid"]);
  EXPECT_EQ(Must(404, "GET", std::string(kMaps) + "/a")["message"], "configmaps \"a\" not found");
  Must(404, "DELETE", std::string(kMaps) + "/a");
}

TEST_F(FaceTest, DeleteChecksPreconditions) {
  Must(201, "POST", kMaps, ConfigMap("a"));
  const std::string url = std::string(kMaps) + "/a";
  EXPECT_THAT(
      Must(409, "DELETE", url, {{"preconditions", {{"uid", "zz"}}}})["message"].get<std::string>(),
      HasSubstr("Operation cannot be fulfilled on ConfigMap \"a\": the UID in the "
                "precondition (zz) does not match the UID in record ("));
  EXPECT_THAT(Must(409, "DELETE", url, {{"preconditions", {{"resourceVersion", "1"}}}})["message"]
                  .get<std::string>(),
              HasSubstr("the ResourceVersion in the precondition (1) does not match"));
  EXPECT_THAT(
      Must(422, "DELETE", url, {{"propagationPolicy", "Foo"}})["message"].get<std::string>(),
      HasSubstr("propagationPolicy: Unsupported value: \"Foo\""));
  Must(200, "GET", url);
}

TEST_F(FaceTest, FinalizersHoldAnObject) {
  Json body = ConfigMap("a");
  body["metadata"]["finalizers"] = {"example.com/x"};
  Must(201, "POST", kMaps, body);
  const std::string url = std::string(kMaps) + "/a";
  const Json held = Must(200, "DELETE", url);
  EXPECT_EQ(held["kind"], "ConfigMap");
  EXPECT_EQ(held["metadata"]["deletionTimestamp"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(held["metadata"]["deletionGracePeriodSeconds"], 0);
  now_ += absl::Seconds(5);
  EXPECT_EQ(Must(200, "DELETE", url), held);
  EXPECT_THAT(
      Patch(422, url, "merge",
            {{"metadata", {{"finalizers", {"example.com/x", "example.com/y"}}}}})["message"]
          .get<std::string>(),
      HasSubstr("metadata.finalizers: Forbidden: no new finalizers can be added if the object is "
                "being deleted, found new finalizers []string{\"example.com/y\"}"));
  EXPECT_EQ(Patch(200, url, "merge", {{"metadata", {{"finalizers", nullptr}}}})["metadata"]["name"],
            "a");
  Must(404, "GET", url);
}

TEST_F(FaceTest, PropagationIsWrittenDownAsFinalizers) {
  Must(201, "POST", kDeployments, Deployment("d"));
  const std::string url = std::string(kDeployments) + "/d";
  const Json held = Must(200, "DELETE", url, {{"propagationPolicy", "Foreground"}});
  EXPECT_EQ(held["metadata"]["finalizers"], Json::array({"foregroundDeletion"}));
  EXPECT_EQ(held["metadata"]["generation"], 2);
  Patch(200, url, "merge",
        {{"metadata", {{"resourceVersion", Version(held)}, {"finalizers", nullptr}}}});
  Must(404, "GET", url);
  Must(201, "POST", kDeployments, Deployment("d"));
  EXPECT_EQ(Must(200, "DELETE", url, {{"propagationPolicy", "Orphan"}})["metadata"]["finalizers"],
            Json::array({"orphan"}));
}

TEST_F(FaceTest, PodsAreDeletedGracefully) {
  const std::string url = std::string(kPods) + "/p";
  Must(201, "POST", kPods, Pod("p"));
  // Not on a node: nobody has to finish it.
  EXPECT_EQ(Must(200, "DELETE", url)["kind"], "Pod");
  Must(404, "GET", url);

  Must(201, "POST", kPods, Pod("p"));
  Must(201, "POST", url + "/binding", {{"target", {{"name", "n1"}}}});
  const Json going = Must(200, "DELETE", url);
  EXPECT_EQ(going["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(going["metadata"]["deletionTimestamp"], "2023-11-14T22:13:50Z");
  now_ += absl::Seconds(3);
  EXPECT_EQ(Must(200, "DELETE", url), going);
  const Json shorter = Must(200, "DELETE", url, {{"gracePeriodSeconds", 10}});
  EXPECT_EQ(shorter["metadata"]["deletionGracePeriodSeconds"], 10);
  EXPECT_EQ(shorter["metadata"]["deletionTimestamp"], "2023-11-14T22:13:30Z");
  EXPECT_EQ(Must(200, "DELETE", url, {{"gracePeriodSeconds", 0}})["kind"], "Pod");
  Must(404, "GET", url);
}

TEST_F(FaceTest, CollectionsAreDeletedBySelector) {
  for (int i = 0; i < 40; ++i) {
    Json body = ConfigMap("m" + std::to_string(i));
    body["metadata"]["labels"] = {{"odd", i % 2 == 1 ? "yes" : "no"}};
    Must(201, "POST", kMaps, body);
  }
  const Json gone = Must(200, "DELETE", std::string(kMaps) + "?labelSelector=odd%3Dyes");
  EXPECT_EQ(gone["kind"], "ConfigMapList");
  EXPECT_EQ(gone["items"].size(), 20u);
  EXPECT_EQ(Must(200, "GET", kMaps)["items"].size(), 20u);
  EXPECT_EQ(Must(200, "DELETE", kMaps)["items"].size(), 20u);
  EXPECT_EQ(Must(200, "DELETE", kMaps)["items"].size(), 0u);
}

TEST_F(FaceTest, NamespacesAreThereFromTheStart) {
  const Json list = Must(200, "GET", "/api/v1/namespaces");
  std::vector<std::string> names;
  for (const Json& each : list["items"]) names.push_back(each["metadata"]["name"]);
  EXPECT_EQ(names,
            (std::vector<std::string>{"default", "kube-node-lease", "kube-public", "kube-system"}));
  EXPECT_EQ(list["items"][0]["status"]["phase"], "Active");
  const int64_t revision = member_.loop.revision();
  // Another member starts on the same store.
  Start(KubeOptions());
  Must(200, "GET", "/readyz");
  EXPECT_EQ(member_.loop.revision(), revision);
}

TEST_F(FaceTest, NamespacesEndInTwoSteps) {
  EXPECT_EQ(Must(403, "DELETE", "/api/v1/namespaces/default")["message"],
            "namespaces \"default\" is forbidden: this namespace may not be deleted");
  const Json made = Must(201, "POST", "/api/v1/namespaces", {{"metadata", {{"name", "n"}}}});
  EXPECT_EQ(made["spec"]["finalizers"], Json::array({"kubernetes"}));
  EXPECT_EQ(made["metadata"]["labels"]["kubernetes.io/metadata.name"], "n");
  Must(201, "POST", "/api/v1/namespaces/n/configmaps", ConfigMap("a"));
  const Json going = Must(200, "DELETE", "/api/v1/namespaces/n");
  EXPECT_EQ(going["status"]["phase"], "Terminating");
  EXPECT_TRUE(going["metadata"].contains("deletionTimestamp"));
  const Json refused = Must(403, "POST", "/api/v1/namespaces/n/configmaps", ConfigMap("b"));
  EXPECT_EQ(refused["message"],
            "configmaps \"b\" is forbidden: unable to create new content in namespace n because it "
            "is being terminated");
  EXPECT_EQ(refused["details"]["causes"][0]["reason"], "NamespaceTerminating");
  Must(200, "DELETE", "/api/v1/namespaces/n/configmaps");
  Json finalized = Must(200, "GET", "/api/v1/namespaces/n");
  finalized["spec"]["finalizers"] = Json::array();
  Must(200, "PUT", "/api/v1/namespaces/n/finalize", finalized);
  Must(404, "GET", "/api/v1/namespaces/n");
}

TEST_F(FaceTest, NothingIsCreatedInANamespaceThatGoesMeanwhile) {
  Must(201, "POST", "/api/v1/namespaces", {{"metadata", {{"name", "n"}}}});
  // Both plan on the same view; the namespace's deletion is written first.
  auto deletion = Begin("DELETE", "/api/v1/namespaces/n");
  auto creation = Begin("POST", "/api/v1/namespaces/n/configmaps", ConfigMap("a").dump());
  executor_.Run();
  EXPECT_EQ(deletion->status(), 200);
  EXPECT_EQ(creation->status(), 403);
}

}  // namespace
}  // namespace pintle::server::kube::testing

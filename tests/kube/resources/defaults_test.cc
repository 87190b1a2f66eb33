// What each kind fills in (kube-api §12): the object as sent, the object as kept.
#include <gtest/gtest.h>

#include "tests/kube/resources/kinds.h"

namespace pintle::server::kube {
namespace {

struct Case {
  const char* kind;
  const char* sent;
  const char* kept;
};

void Check(const Case& test) {
  const Json object = Arrive(test.kind, test.sent);
  EXPECT_EQ(object.dump(1), Json::parse(test.kept).dump(1)) << test.kind;
  // Defaults of what has its defaults change nothing.
  Json again = object;
  Row(test.kind).set_defaults(again);
  EXPECT_EQ(again.dump(1), object.dump(1)) << test.kind;
}

TEST(Defaults, OfThePod) {
  Check({"Pod", R"({"metadata":{"name":"p"},"spec":{"containers":[
             {"name":"c","image":"nginx","ports":[{"containerPort":80}],
              "resources":{"limits":{"cpu":"1","memory":"64Mi"}}}]}})",
         R"({"metadata":{"name":"p"},"spec":{"containers":[
             {"name":"c","image":"nginx","imagePullPolicy":"Always",
              "ports":[{"containerPort":80,"protocol":"TCP"}],
              "resources":{"limits":{"cpu":"1","memory":"64Mi"},
                           "requests":{"cpu":"1","memory":"64Mi"}},
              "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],
             "dnsPolicy":"ClusterFirst","enableServiceLinks":true,"priority":0,
             "preemptionPolicy":"PreemptLowerPriority","restartPolicy":"Always",
             "schedulerName":"default-scheduler","securityContext":{},
             "serviceAccount":"default","serviceAccountName":"default",
             "terminationGracePeriodSeconds":30,"tolerations":[
              {"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
               "tolerationSeconds":300},
              {"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute",
               "tolerationSeconds":300}]},"status":{}})"});
}

TEST(Defaults, OfImagePullPolicyFollowTheTag) {
  const struct {
    const char* image;
    const char* policy;
  } kCases[] = {{"nginx", "Always"},
                {"nginx:latest", "Always"},
                {"nginx:1.25", "IfNotPresent"},
                {"registry:5000/nginx", "Always"},
                {"registry:5000/nginx:2", "IfNotPresent"},
                {"nginx@sha256:0000", "IfNotPresent"}};
  for (const auto& test : kCases) {
    Json sent;
    sent["spec"]["containers"] = Json::array({{{"name", "c"}, {"image", test.image}}});
    const Json object = Arrive("Pod", sent.dump());
    EXPECT_EQ(object["spec"]["containers"][0]["imagePullPolicy"], test.policy) << test.image;
  }
}

TEST(Defaults, OfProbesVolumesAndEnvironment) {
  const Json object = Arrive("Pod", R"({"spec":{"hostNetwork":true,"serviceAccount":"robot",
    "tolerations":[{"operator":"Exists"}],
    "containers":[{"name":"c","image":"i:1","ports":[{"containerPort":80}],
      "env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
      "livenessProbe":{"httpGet":{"port":80}},
      "readinessProbe":{"tcpSocket":{"port":80},"periodSeconds":3}}],
    "volumes":[{"name":"a"},{"name":"b","secret":{"secretName":"s"}},
      {"name":"c","configMap":{"name":"m","defaultMode":256}},{"name":"d","hostPath":{"path":"/"}},
      {"name":"e","projected":{"sources":[{"serviceAccountToken":{"path":"t"}}]}}]}})");
  const Json& spec = object["spec"];
  const Json& container = spec["containers"][0];
  EXPECT_EQ(container["livenessProbe"], Json::parse(R"({"httpGet":{"port":80,"path":"/",
    "scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,
    "failureThreshold":3})"));
  EXPECT_EQ(container["readinessProbe"]["periodSeconds"], 3);
  EXPECT_EQ(container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
  EXPECT_EQ(container["ports"][0]["hostPort"], 80);
  EXPECT_EQ(spec["serviceAccountName"], "robot");
  EXPECT_EQ(spec["tolerations"].size(), 1U) << "one toleration for everything is enough";
  EXPECT_EQ(spec["volumes"][0]["emptyDir"], Json::object());
  EXPECT_EQ(spec["volumes"][1]["secret"]["defaultMode"], 420);
  EXPECT_EQ(spec["volumes"][2]["configMap"]["defaultMode"], 256);
  EXPECT_EQ(spec["volumes"][3]["hostPath"]["type"], "");
  EXPECT_EQ(spec["volumes"][4]["projected"]["defaultMode"], 420);
  EXPECT_EQ(
      spec["volumes"][4]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"],
      3600);
}

constexpr const char* kTemplate = R"({"metadata":{"labels":{"app":"a"},"creationTimestamp":null},
  "spec":{"containers":[{"name":"c","image":"i:1","imagePullPolicy":"IfNotPresent","resources":{},
    "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],
   "dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler",
   "securityContext":{},"terminationGracePeriodSeconds":30}})";

constexpr const char* kSentWorkload = R"({"metadata":{"name":"w"},"spec":{
  "selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},
  "spec":{"containers":[{"name":"c","image":"i:1"}]}}}})";

TEST(Defaults, OfWorkloads) {
  const struct {
    const char* kind;
    const char* spec;  // beside selector and template
    const char* status;
  } kCases[] = {{"Deployment",
                 R"({"replicas":1,"revisionHistoryLimit":10,"progressDeadlineSeconds":600,
           "strategy":{"type":"RollingUpdate",
                       "rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}}})",
                 "{}"},
                {"ReplicaSet", R"({"replicas":1})", R"({"replicas":0})"},
                {"DaemonSet",
                 R"({"revisionHistoryLimit":10,"updateStrategy":{"type":"RollingUpdate",
           "rollingUpdate":{"maxSurge":0,"maxUnavailable":1}}})",
                 R"({"currentNumberScheduled":0,"desiredNumberScheduled":0,"numberMisscheduled":0,
           "numberReady":0})"},
                {"StatefulSet",
                 R"({"replicas":1,"revisionHistoryLimit":10,"podManagementPolicy":"OrderedReady",
           "persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain","whenScaled":"Retain"},
           "updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0}}})",
                 R"({"replicas":0})"}};
  for (const auto& test : kCases) {
    Json kept = Json::parse(kSentWorkload);
    kept["spec"]["template"] = Json::parse(kTemplate);
    kept["spec"].update(Json::parse(test.spec));
    kept["status"] = Json::parse(test.status);
    const std::string text = kept.dump();
    Check({test.kind, kSentWorkload, text.c_str()});
  }
}

TEST(Defaults, OfTheServices) {
  Check({"Service", R"({"spec":{"ports":[{"port":80},{"port":81,"protocol":"UDP",
             "targetPort":"web"}]}})",
         R"({"spec":{"type":"ClusterIP","sessionAffinity":"None","internalTrafficPolicy":"Cluster",
             "ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","ports":[
              {"port":80,"protocol":"TCP","targetPort":80},
              {"port":81,"protocol":"UDP","targetPort":"web"}]},"status":{"loadBalancer":{}}})"});
  Check({"Service", R"({"spec":{"type":"ExternalName","externalName":"example.com"}})",
         R"({"spec":{"type":"ExternalName","externalName":"example.com","sessionAffinity":"None"},
             "status":{"loadBalancer":{}}})"});
  Check({"Service",
         R"({"spec":{"type":"NodePort","clusterIP":"None","sessionAffinity":"ClientIP"}})",
         R"({"spec":{"type":"NodePort","clusterIP":"None","clusterIPs":["None"],
             "externalTrafficPolicy":"Cluster","internalTrafficPolicy":"Cluster",
             "ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","sessionAffinity":"ClientIP",
             "sessionAffinityConfig":{"clientIP":{"timeoutSeconds":10800}}},
             "status":{"loadBalancer":{}}})"});
}

TEST(Defaults, OfOtherKinds) {
  const Case kCases[] = {
      {"ConfigMap", R"({"data":{"a":"b"}})", R"({"data":{"a":"b"}})"},
      {"Secret", R"({"data":{"a":"YQ=="},"stringData":{"b":"b","a":"c"}})",
       R"({"data":{"a":"Yw==","b":"Yg=="},"type":"Opaque"})"},
      {"Namespace", R"({"metadata":{"name":"n"}})",
       R"({"metadata":{"name":"n","labels":{"kubernetes.io/metadata.name":"n"}},"spec":{},
           "status":{}})"},
      {"Endpoints", R"({"subsets":[{"addresses":[{"ip":"1.2.3.4"}],"ports":[{"port":80}]}]})",
       R"({"subsets":[{"addresses":[{"ip":"1.2.3.4"}],"ports":[{"port":80,"protocol":"TCP"}]}]})"},
      {"EndpointSlice",
       R"({"addressType":"IPv4","endpoints":[{"addresses":["1.2.3.4"]}],"ports":[{"port":80}]})",
       R"({"addressType":"IPv4","endpoints":[{"addresses":["1.2.3.4"],"conditions":{}}],
           "ports":[{"port":80,"name":"","protocol":"TCP"}]})"},
      {"Event", R"({"involvedObject":{"kind":"Pod"},"reason":"R"})",
       R"({"involvedObject":{"kind":"Pod"},"reason":"R","source":{},"firstTimestamp":null,
           "lastTimestamp":null,"eventTime":null,"reportingComponent":"",
           "reportingInstance":""})"},
      {"Lease", R"({"metadata":{"name":"l"}})", R"({"metadata":{"name":"l"},"spec":{}})"},
      {"ServiceAccount", R"({"metadata":{"name":"s"}})", R"({"metadata":{"name":"s"}})"},
      {"ControllerRevision", R"({"data":{"a":1}})", R"({"data":{"a":1},"revision":0})"},
  };
  for (const Case& test : kCases) Check(test);
}

TEST(Defaults, OfTheNodeKeepItsStatus) {
  const Json node = Arrive("Node", R"({"spec":{"podCIDR":"10.1.0.0/24"},
    "status":{"capacity":{"cpu":"4","pods":"110"}}})");
  EXPECT_EQ(node["status"]["allocatable"], node["status"]["capacity"]);
  EXPECT_EQ(node["spec"]["podCIDRs"], Json::array({"10.1.0.0/24"}));
  EXPECT_EQ(node["status"]["nodeInfo"]["kubeletVersion"], "");
  EXPECT_EQ(node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"], 0);
}

TEST(PrepareForCreate, DecidesWhatClientsMayNot) {
  const struct {
    const char* kind;
    const char* sent;
    const char* status;
  } kCases[] = {{"Deployment", R"({"status":{"replicas":5}})", "{}"},
                {"ReplicaSet", R"({"status":{"replicas":5}})", R"({"replicas":0})"},
                {"Service", R"({"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}})",
                 R"({"loadBalancer":{}})"},
                {"Pod", R"({"status":{"phase":"Running"}})",
                 R"({"phase":"Pending","qosClass":"BestEffort"})"},
                {"Namespace", R"({"metadata":{"name":"n"},"status":{"phase":"Terminating"}})",
                 R"({"phase":"Active"})"}};
  for (const auto& test : kCases) {
    Json object = Arrive(test.kind, test.sent);
    Row(test.kind).prepare_for_create(object, absl::UnixEpoch());
    EXPECT_EQ(object["status"], Json::parse(test.status)) << test.kind;
  }
  Json space = Arrive("Namespace", R"({"metadata":{"name":"n"}})");
  Row("Namespace").prepare_for_create(space, absl::UnixEpoch());
  EXPECT_EQ(space["spec"]["finalizers"], Json::array({"kubernetes"}));
}

TEST(PrepareForCreate, FindsThePodsQualityOfService) {
  const struct {
    const char* resources;
    const char* qos;
  } kCases[] = {
      {"{}", "BestEffort"},
      {R"({"requests":{"cpu":"1"}})", "Burstable"},
      {R"({"limits":{"cpu":"1"}})", "Burstable"},
      {R"({"limits":{"cpu":"1","memory":"1Gi"}})", "Guaranteed"},
      {R"({"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}})", "Burstable"}};
  for (const auto& test : kCases) {
    Json sent;
    sent["spec"]["containers"] =
        Json::array({{{"name", "c"}, {"image", "i"}, {"resources", Json::parse(test.resources)}}});
    Json pod = Arrive("Pod", sent.dump());
    Row("Pod").prepare_for_create(pod, absl::UnixEpoch());
    EXPECT_EQ(pod["status"]["qosClass"], test.qos) << test.resources;
  }
}

}  // namespace
}  // namespace pintle::server::kube

// What may change once an object exists (kube-api §12).
#include <gtest/gtest.h>

#include "tests/kube/resources/kinds.h"

namespace pintle::server::kube {
namespace {

using Texts = std::vector<std::string>;

struct Case {
  const char* change;  // merge patch
  Texts problems;
};

// `sent` is kept; each change is applied to it and goes the way of a PUT.
void CheckUpdates(const char* kind, const char* sent, const std::vector<Case>& cases) {
  const Json old = Arrive(kind, sent);
  for (const Case& test : cases) {
    Json changed = old;
    changed.merge_patch(Json::parse(test.change));
    changed = Arrive(kind, changed.dump());
    Row(kind).prepare_for_update(changed, old);
    EXPECT_EQ(Problems(kind, changed, &old), test.problems) << test.change;
  }
}

TEST(Update, OfPods) {
  constexpr const char* kOnly =
      "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
      "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only "
      "additions to existing tolerations)";
  CheckUpdates(
      "Pod",
      R"({"metadata":{"name":"p"},"spec":{"nodeName":"n","activeDeadlineSeconds":100,
          "containers":[{"name":"c","image":"i:1"}]}})",
      {{"{}", {}},
       {R"({"metadata":{"labels":{"a":"b"}}})", {}},
       {R"({"spec":{"hostNetwork":false}})", {}},
       {R"({"spec":{"activeDeadlineSeconds":50}})", {}},
       {R"({"spec":{"activeDeadlineSeconds":500}})",
        {"spec.activeDeadlineSeconds: Invalid value: 500: must be less than or equal to previous "
         "value"}},
       {R"({"spec":{"nodeName":"other"}})", {kOnly}},
       {R"({"spec":{"restartPolicy":"Never"}})", {kOnly}},
       {R"({"spec":{"containers":[{"name":"c","image":"i:2","imagePullPolicy":"IfNotPresent"}]}})",
        {}},
       {R"({"spec":{"containers":[{"name":"d","image":"i:1","imagePullPolicy":"IfNotPresent"}]}})",
        {kOnly}},
       {R"({"spec":{"containers":[{"name":"c","image":"i:1"},{"name":"d","image":"i:1"}]}})",
        {"spec.containers: Forbidden: pod updates may not add or remove containers"}}});
}

TEST(Update, OfPodsMayAddTolerations) {
  const Json old = Arrive("Pod", R"({"spec":{"containers":[{"name":"c","image":"i:1"}]}})");
  Json more = old;
  more["spec"]["tolerations"].push_back({{"key", "a"}, {"operator", "Exists"}});
  EXPECT_EQ(Problems("Pod", more, &old), Texts{});
  Json longer = old;
  longer["spec"]["tolerations"][0]["tolerationSeconds"] = 5;
  EXPECT_EQ(Problems("Pod", longer, &old), Texts{});
  Json fewer = old;
  fewer["spec"]["tolerations"].erase(0);
  EXPECT_EQ(Problems("Pod", fewer, &old),
            Texts{"spec.tolerations: Forbidden: existing toleration can not be modified except its "
                  "tolerationSeconds"});
}

TEST(Update, KeepsSelectors) {
  CheckUpdates("Deployment",
               R"({"spec":{"selector":{"matchLabels":{"app":"a"}},"template":{
          "metadata":{"labels":{"app":"a","b":"c"}},
          "spec":{"containers":[{"name":"c","image":"i:1"}]}}}})",
               {{R"({"spec":{"replicas":7}})", {}},
                {R"({"spec":{"selector":{"matchLabels":{"app":null,"b":"c"}}}})",
                 {"spec.selector: Invalid value: "
                  "v1.LabelSelector{MatchLabels:map[string]string{\"b\":\"c\"}, "
                  "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"}}});
}

TEST(Update, OfServices) {
  CheckUpdates("Service", R"({"spec":{"clusterIP":"10.96.0.7","ports":[{"port":80}]}})",
               {{R"({"spec":{"clusterIP":null,"clusterIPs":null}})", {}},
                {R"({"spec":{"type":"NodePort"}})", {}},
                {R"({"spec":{"type":"ExternalName","externalName":"example.com"}})", {}},
                {R"({"spec":{"clusterIP":"10.96.3.3"}})",
                 {"spec.clusterIPs[0]: Invalid value: []string{\"10.96.3.3\"}: may not change once "
                  "set"}}});
}

TEST(Update, OfServicesCarriesOverWhatIsAllocated) {
  const Json old = Arrive("Service", R"({"spec":{"type":"NodePort","clusterIP":"10.96.0.7",
    "ports":[{"name":"a","port":80,"nodePort":30080},{"name":"b","port":81,"nodePort":30081}]}})");
  Json sent = Arrive("Service", R"({"spec":{"type":"NodePort",
    "ports":[{"name":"b","port":81},{"name":"c","port":82}]}})");
  Row("Service").prepare_for_update(sent, old);
  EXPECT_EQ(sent["spec"]["clusterIP"], "10.96.0.7");
  EXPECT_EQ(sent["spec"]["clusterIPs"], Json::array({"10.96.0.7"}));
  EXPECT_EQ(sent["spec"]["ports"][0]["nodePort"], 30081);
  EXPECT_FALSE(sent["spec"]["ports"][1].contains("nodePort"));

  Json plain = old;
  plain["spec"]["type"] = "ClusterIP";
  Row("Service").prepare_for_update(plain, old);
  EXPECT_FALSE(plain["spec"]["ports"][0].contains("nodePort"));
  EXPECT_FALSE(plain["spec"].contains("externalTrafficPolicy"));
  EXPECT_EQ(plain["spec"]["clusterIP"], "10.96.0.7");

  Json named = Arrive("Service", R"({"spec":{"type":"ExternalName","externalName":"example.com",
    "clusterIP":"10.96.0.7"}})");
  Row("Service").prepare_for_update(named, old);
  EXPECT_FALSE(named["spec"].contains("clusterIP"));
  EXPECT_FALSE(named["spec"].contains("clusterIPs"));
}

TEST(Update, KeepsImmutableData) {
  constexpr const char* kFixed = "Forbidden: field is immutable when `immutable` is set";
  CheckUpdates("ConfigMap", R"({"immutable":true,"data":{"a":"b"}})",
               {{"{}", {}},
                {R"({"metadata":{"labels":{"a":"b"}}})", {}},
                {R"({"data":{"a":"c"}})", {std::string("data: ") + kFixed}},
                {R"({"immutable":null})", {std::string("immutable: ") + kFixed}}});
  CheckUpdates("Secret", R"({"immutable":true,"data":{"a":"YQ=="}})",
               {{R"({"data":{"a":"Yg=="}})", {std::string("data: ") + kFixed}},
                {R"({"type":"foo"})", {"type: Invalid value: \"foo\": field is immutable"}}});
  CheckUpdates("EndpointSlice", R"({"addressType":"IPv4"})",
               {{R"({"addressType":"IPv6"})",
                 {"addressType: Invalid value: \"IPv6\": field is immutable"}}});
}

TEST(Update, OfNodes) {
  CheckUpdates(
      "Node", R"({"spec":{"podCIDR":"10.1.0.0/24"}})",
      {{R"({"spec":{"unschedulable":true,"taints":[{"key":"a","effect":"NoSchedule"}]}})", {}},
       {R"({"spec":{"providerID":"p"}})", {}},
       {R"({"spec":{"podCIDR":"10.2.0.0/24","podCIDRs":["10.1.0.0/24"]}})",
        {"spec.podCIDR: Forbidden: node updates may not change podCIDR except from \"\" to "
         "valid"}},
       {R"({"spec":{"podCIDR":"10.2.0.0/24","podCIDRs":["10.2.0.0/24"]}})",
        {"spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to "
         "valid"}}});
}

TEST(Update, OfNamespacesKeepsFinalizers) {
  const Json old = Json::parse(R"({"metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]}})");
  Json sent = Arrive("Namespace", R"({"metadata":{"name":"n"},"spec":{"finalizers":[]}})");
  Row("Namespace").prepare_for_update(sent, old);
  EXPECT_EQ(sent["spec"]["finalizers"], Json::array({"kubernetes"}));
}

TEST(Update, OfStatefulSetsIsNarrow) {
  CheckUpdates("StatefulSet",
               R"({"spec":{"serviceName":"s","selector":{"matchLabels":{"app":"a"}},"template":{
          "metadata":{"labels":{"app":"a"}},
          "spec":{"containers":[{"name":"c","image":"i:1"}]}}}})",
               {{R"({"spec":{"replicas":3}})", {}},
                {R"({"spec":{"serviceName":"t"}})",
                 {"spec: Forbidden: updates to statefulset spec for fields other than 'replicas', "
                  "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                  "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"}}});
}

}  // namespace
}  // namespace pintle::server::kube

// What each kind refuses on create, in Kubernetes' words (kube-api §12).
#include "server/kube/resources/validation.h"

#include <gtest/gtest.h>

#include "tests/kube/resources/kinds.h"

namespace pintle::server::kube {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kLabel =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

// A Deployment that is fine, changed by a merge patch.
Json Workload(const char* kind, const char* change) {
  Json sent = Json::parse(R"({"metadata":{"name":"w"},"spec":{
    "selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},
    "spec":{"containers":[{"name":"c","image":"i:1"}]}}}})");
  sent.merge_patch(Json::parse(change));
  return Arrive(kind, sent.dump());
}

TEST(Validation, OfDeployments) {
  const struct {
    const char* change;
    Texts problems;
  } kCases[] = {
      {"{}", {}},
      {R"({"spec":{"replicas":0}})", {}},
      {R"({"spec":{"replicas":-1}})",
       {"spec.replicas: Invalid value: -1: must be greater than or equal to 0"}},
      {R"({"spec":{"selector":null}})", {"spec.selector: Required value"}},
      {R"({"spec":{"selector":{"matchLabels":null}}})",
       {"spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), "
        "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for "
        "deployment"}},
      {R"({"spec":{"template":{"metadata":{"labels":{"app":"b"}}}}})",
       {"spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"b\"}: "
        "`selector` does not match template `labels`"}},
      {R"({"spec":{"template":{"spec":{"restartPolicy":"Never"}}}})",
       {"spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
        "\"Always\""}},
      {R"({"spec":{"strategy":{"type":"Recreate"}}})", {}},
      {R"({"spec":{"strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}}}})",
       {"spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is "
        "'Recreate'"}},
      {R"({"spec":{"strategy":{"type":"Magic"}}})",
       {"spec.strategy.type: Unsupported value: \"Magic\": supported values: \"Recreate\", "
        "\"RollingUpdate\""}},
      {R"({"spec":{"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}}})",
       {"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when "
        "`maxSurge` is 0"}},
      {R"({"spec":{"strategy":{"rollingUpdate":{"maxSurge":"lots"}}}})",
       {"spec.strategy.rollingUpdate.maxSurge: Invalid value: \"lots\": a valid percent string "
        "must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
        "validation is '[0-9]+%')"}},
      {R"({"spec":{"minReadySeconds":600}})",
       {"spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"}},
      {R"({"spec":{"template":{"spec":{"containers":[]}}}})",
       {"spec.template.spec.containers: Required value"}},
      {R"({"status":{"replicas":1,"readyReplicas":1,"availableReplicas":2}})",
       {"status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"}},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Problems("Deployment", Workload("Deployment", test.change)), test.problems)
        << test.change;
  }
}

TEST(Validation, OfOtherWorkloads) {
  for (const char* kind : {"ReplicaSet", "DaemonSet", "StatefulSet"}) {
    EXPECT_EQ(Problems(kind, Workload(kind, "{}")), Texts{}) << kind;
    EXPECT_EQ(Problems(kind, Workload(kind, R"({"spec":{"selector":null}})")),
              Texts{"spec.selector: Required value"})
        << kind;
  }
}

struct PodCase {
  const char* spec;
  Texts problems;
};

void CheckPods(const std::vector<PodCase>& cases) {
  for (const PodCase& test : cases) {
    const Json pod = Arrive("Pod", R"({"spec":)" + std::string(test.spec) + "}");
    EXPECT_EQ(Problems("Pod", pod), test.problems) << test.spec;
  }
}

TEST(Validation, OfContainers) {
  CheckPods({
      {R"({"containers":[{"name":"c","image":"i"}]})", {}},
      {"{}", {"spec.containers: Required value"}},
      {R"({"containers":[{"image":"i"}]})", {"spec.containers[0].name: Required value"}},
      {R"({"containers":[{"name":"C","image":"i"}]})",
       {std::string("spec.containers[0].name: Invalid value: \"C\": ") + kLabel}},
      {R"({"containers":[{"name":"c"}]})", {"spec.containers[0].image: Required value"}},
      {R"({"containers":[{"name":"c","image":" i"}]})",
       {"spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing "
        "whitespace"}},
      {R"({"containers":[{"name":"c","image":"i"},{"name":"c","image":"i"}]})",
       {"spec.containers[1].name: Duplicate value: \"c\""}},
      {R"({"initContainers":[{"name":"c","image":"i"}],"containers":[{"name":"c","image":"i"}]})",
       {"spec.initContainers[0].name: Duplicate value: \"c\""}},
      {R"({"containers":[{"name":"c","image":"i","imagePullPolicy":"Maybe"}]})",
       {"spec.containers[0].imagePullPolicy: Unsupported value: \"Maybe\": supported values: "
        "\"Always\", \"IfNotPresent\", \"Never\""}},
      {R"({"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"x","mountPath":"/x"}]}]})",
       {"spec.containers[0].volumeMounts[0].name: Not found: \"x\""}},
      {R"({"volumes":[{"name":"v"}],"containers":[{"name":"c","image":"i","volumeMounts":
           [{"name":"v","mountPath":"/x"},{"name":"v","mountPath":"/x"}]}]})",
       {"spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique"}},
  });
}

TEST(Validation, OfPods) {
  CheckPods({
      {R"({"volumes":[{"name":"v"},{"name":"v","emptyDir":{},"hostPath":{"path":"/"}}],
           "containers":[{"name":"c","image":"i"}]})",
       {"spec.volumes[1].name: Duplicate value: \"v\"",
        "spec.volumes[1].hostPath: Forbidden: may not specify more than 1 volume type"}},
      {R"({"containers":[{"name":"c","image":"i","ports":[{"containerPort":70000}]}]})",
       {"spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and "
        "65535, inclusive"}},
      {R"({"containers":[{"name":"c","image":"i","ports":[{"containerPort":80,"hostPort":80},
           {"containerPort":81,"hostPort":80}]}]})",
       {"spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""}},
      {R"({"containers":[{"name":"c","image":"i","env":[{"name":"","value":"x"},
           {"name":"A=B"}]}]})",
       {"spec.containers[0].env[0].name: Required value",
        "spec.containers[0].env[1].name: Invalid value: \"A=B\": a valid environment variable name "
        "must consist only of printable ASCII characters other than '='"}},
      {R"({"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1"},
           "requests":{"cpu":"2"}}}]})",
       {"spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal "
        "to cpu limit"}},
      {R"({"containers":[{"name":"c","image":"i","resources":{"requests":{"cores":"2"}}}]})",
       {"spec.containers[0].resources.requests[cores]: Invalid value: \"cores\": must be a "
        "standard resource for containers"}},
      {R"({"containers":[{"name":"c","image":"i","livenessProbe":{"successThreshold":2}}]})",
       {"spec.containers[0].livenessProbe: Required value: must specify a handler type",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"}},
      {R"({"restartPolicy":"Sometimes","dnsPolicy":"Odd","containers":[{"name":"c","image":"i"}]})",
       {"spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
        "\"OnFailure\", \"Never\"",
        "spec.dnsPolicy: Unsupported value: \"Odd\": supported values: \"ClusterFirst\", "
        "\"ClusterFirstWithHostNet\", \"Default\", \"None\""}},
      {R"({"terminationGracePeriodSeconds":-1,"activeDeadlineSeconds":0,
           "containers":[{"name":"c","image":"i"}]})",
       {"spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, "
        "inclusive"}},
      {R"({"tolerations":[{"operator":"Equal"},{"key":"a","operator":"Near"}],
           "containers":[{"name":"c","image":"i"}]})",
       {"spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when "
        "`key` is empty, which means \"match all values and all keys\"",
        "spec.tolerations[1].operator: Unsupported value: \"Near\": supported values: \"Equal\", "
        "\"Exists\""}},
  });
}

TEST(Validation, OfServices) {
  const struct {
    const char* spec;
    Texts problems;
  } kCases[] = {
      {R"({"ports":[{"port":80}]})", {}},
      {R"({"clusterIP":"None"})", {}},
      {"{}", {"spec.ports: Required value"}},
      {R"({"type":"Wonder","ports":[{"port":80}]})",
       {"spec.type: Unsupported value: \"Wonder\": supported values: \"ClusterIP\", "
        "\"ExternalName\", \"LoadBalancer\", \"NodePort\""}},
      {R"({"type":"ExternalName"})", {"spec.externalName: Required value"}},
      {R"({"ports":[{"port":0}]})",
       {"spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"}},
      {R"({"ports":[{"port":80},{"port":81,"name":"b"}]})", {"spec.ports[0].name: Required value"}},
      {R"({"ports":[{"port":80,"name":"b"},{"port":81,"name":"b"}]})",
       {"spec.ports[1].name: Duplicate value: \"b\""}},
      {R"({"ports":[{"port":80,"nodePort":30080}]})",
       {"spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"}},
      {R"({"clusterIP":"10.0.0.300","ports":[{"port":80}]})",
       {"spec.clusterIPs[0]: Invalid value: \"10.0.0.300\": must be a valid IP address, (e.g. "
        "10.9.8.7 or 2001:db8::ffff)"}},
      {R"({"type":"NodePort","clusterIP":"None","ports":[{"port":80}]})",
       {"spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort "
        "services"}},
      {R"({"sessionAffinity":"Always","ports":[{"port":80}]})",
       {"spec.sessionAffinity: Unsupported value: \"Always\": supported values: \"ClientIP\", "
        "\"None\""}},
  };
  for (const auto& test : kCases) {
    const Json service = Arrive("Service", R"({"spec":)" + std::string(test.spec) + "}");
    EXPECT_EQ(Problems("Service", service), test.problems) << test.spec;
  }
}

TEST(Validation, OfOtherKinds) {
  const struct {
    const char* kind;
    const char* sent;
    Texts problems;
  } kCases[] = {
      {"ConfigMap",
       R"({"data":{"a":"1"},"binaryData":{"a":"YQ=="}})",
       {"data[a]: Invalid value: \"a\": duplicate of key present in binaryData"}},
      {"ConfigMap",
       R"({"data":{"a/b":"1"}})",
       {"data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric "
        "characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used "
        "for validation is '[-._a-zA-Z0-9]+')"}},
      {"Secret",
       R"({"type":"kubernetes.io/tls"})",
       {"data[tls.crt]: Required value", "data[tls.key]: Required value"}},
      {"Secret",
       R"({"type":"kubernetes.io/service-account-token"})",
       {"metadata.annotations[kubernetes.io/service-account.name]: Required value"}},
      {"Endpoints",
       R"({"subsets":[{}]})",
       {"subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"}},
      {"Endpoints",
       R"({"subsets":[{"addresses":[{"ip":"127.0.0.1"}]}]})",
       {"subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback "
        "range (127.0.0.0/8)"}},
      {"EndpointSlice", R"({})", {"addressType: Required value"}},
      {"Event",
       R"({"metadata":{"namespace":"a"},"involvedObject":{"namespace":"zz"}})",
       {"involvedObject.namespace: Invalid value: \"zz\": does not match event.namespace"}},
      {"Event", R"({"metadata":{"namespace":"default"},"involvedObject":{}})", {}},
      {"Event",
       R"({"metadata":{"namespace":"a"},"eventTime":"2024-01-02T03:04:05.000000Z",
                    "involvedObject":{"namespace":"a"},"reason":"R"})",
       {"reportingComponent: Required value", "reportingInstance: Required value",
        "action: Required value"}},
      {"Lease",
       R"({"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}})",
       {"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"}},
      {"Node",
       R"({"spec":{"taints":[{"key":"a","effect":"Odd"}]}})",
       {"metadata.taints[0].effect: Unsupported value: \"Odd\": supported values: \"NoSchedule\", "
        "\"PreferNoSchedule\", \"NoExecute\""}},
      {"Namespace",
       R"({"metadata":{"name":"n"},"spec":{"finalizers":["mine"]}})",
       {"spec.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name "
        "nor is it fully qualified"}},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Problems(test.kind, Arrive(test.kind, test.sent)), test.problems) << test.sent;
  }
}

TEST(Validation, BoundsConfigMapsAndSecrets) {
  Json map;
  map["data"]["a"] = std::string(1024 * 1024 + 1, 'x');
  EXPECT_EQ(Problems("ConfigMap", map), Texts{"[]: Too long: must have at most 1048576 bytes"});
  map["data"]["a"] = std::string(1024 * 1024, 'x');
  EXPECT_EQ(Problems("ConfigMap", map), Texts{});
}

TEST(Validation, OfMetadata) {
  const struct {
    const char* kind;
    const char* metadata;
    Texts problems;
  } kCases[] = {
      {"ConfigMap", R"({"name":"a.b-c"})", {}},
      {"ConfigMap", "{}", {"metadata.name: Required value: name or generateName is required"}},
      {"Namespace",
       R"({"name":"a.b"})",
       {std::string("metadata.name: Invalid value: \"a.b\": ") + kLabel}},
      {"Service",
       R"({"name":"1a"})",
       {"metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case "
        "alphanumeric characters or '-', start with an alphabetic character, and end with an "
        "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
        "'[a-z]([-a-z0-9]*[a-z0-9])?')"}},
      {"Event",
       R"({"name":"Web.1/2"})",
       {"metadata.name: Invalid value: \"Web.1/2\": may not contain '/'"}},
      {"ConfigMap",
       R"({"name":"a","labels":{"a b":"c"}})",
       {"metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric "
        "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
        "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"}},
      {"ConfigMap", R"({"name":"a","labels":{"example.com/a":"b","c":""}})", {}},
      {"ConfigMap",
       R"({"name":"a","ownerReferences":[
          {"apiVersion":"v1","kind":"Pod","name":"p","uid":"1","controller":true},
          {"apiVersion":"v1","kind":"Pod","name":"q","uid":"2"}]})",
       {}},
      {"ConfigMap",
       R"({"name":"a","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p"}]})",
       {"metadata.ownerReferences[0].uid: Invalid value: \"\": must not be empty"}},
  };
  for (const auto& test : kCases) {
    Json object;
    object["metadata"] = Json::parse(test.metadata);
    FieldErrors errors;
    ValidateObjectMeta(object, Row(test.kind), errors);
    Texts texts;
    for (const FieldError& error : errors) texts.push_back(error.field + ": " + error.message);
    EXPECT_EQ(texts, test.problems) << test.metadata;
  }
}

TEST(LabelSelector, MatchesAndPrints) {
  const Json labels = {{"app", "web"}, {"tier", "front"}};
  const struct {
    const char* selector;
    bool matches;
    const char* text;
  } kCases[] = {
      {R"({"matchLabels":{"app":"web"}})", true, "app=web"},
      {R"({"matchLabels":{"app":"db"}})", false, "app=db"},
      {R"({"matchExpressions":[{"key":"app","operator":"In","values":["web","db"]}]})", true,
       "app in (db,web)"},
      {R"({"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]})", false,
       "app notin (web)"},
      {R"({"matchExpressions":[{"key":"zone","operator":"NotIn","values":["a"]}]})", true,
       "zone notin (a)"},
      {R"({"matchExpressions":[{"key":"app","operator":"Exists"}]})", true, "app"},
      {R"({"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]})", false, "!app"},
      {R"({"matchLabels":{"tier":"front","app":"web"}})", true, "app=web,tier=front"},
      {"{}", true, "<none>"},
  };
  for (const auto& test : kCases) {
    const Json selector = Json::parse(test.selector);
    EXPECT_EQ(SelectorMatches(selector, labels), test.matches) << test.selector;
    EXPECT_EQ(FormatLabelSelector(selector), test.text);
  }
}

}  // namespace
}  // namespace pintle::server::kube

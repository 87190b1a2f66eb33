// The table itself, and how objects look in kubectl's tables (kube-api §14).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/kube/resources/kinds.h"

namespace pintle::server::kube {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);  // 2023-11-14T22:13:20Z

TEST(Table, IsSoundInEveryRow) {
  std::set<std::string> names;
  for (const Resource& row : AllResources()) {
    EXPECT_TRUE(names.insert(row.qualified()).second) << row.qualified();
    EXPECT_TRUE(std::is_sorted(row.verbs.begin(), row.verbs.end())) << row.plural;
    for (const Subresource& subresource : row.subresources) {
      EXPECT_TRUE(std::is_sorted(subresource.verbs.begin(), subresource.verbs.end()));
      EXPECT_EQ(row.FindSubresource(subresource.name), &subresource);
    }
    EXPECT_TRUE(row.storage_prefix.starts_with("/registry/")) << row.plural;
    EXPECT_FALSE(row.storage_prefix.ends_with("/")) << row.plural;
    EXPECT_EQ(FindResource(row.group, row.version, row.plural), &row);
    EXPECT_EQ(FindResourceByKind(row.group, row.version, row.kind), &row);
    Json empty = Json::object();
    EXPECT_EQ(row.row(empty, kNow).size(), row.columns.size()) << row.plural;
    const auto name = std::find_if(row.columns.begin(), row.columns.end(),
                                   [](const Column& column) { return column.format == "name"; });
    EXPECT_NE(name, row.columns.end()) << row.plural;
  }
  EXPECT_EQ(FindResource("", "v1", "nosuch"), nullptr);
  EXPECT_EQ(FindResource("", "v1", "pods")->FindSubresource("nosuch"), nullptr);
}

TEST(Table, UsesTheKeysOfKubernetes) {
  const struct {
    const char* kind;
    const char* prefix;
  } kCases[] = {{"Node", "/registry/minions"},
                {"Service", "/registry/services/specs"},
                {"Endpoints", "/registry/services/endpoints"},
                {"Pod", "/registry/pods"},
                {"Lease", "/registry/leases"},
                {"Deployment", "/registry/deployments"}};
  for (const auto& test : kCases) EXPECT_EQ(Row(test.kind).storage_prefix, test.prefix);
}

std::vector<std::string> Cells(std::string_view kind, const char* text) {
  std::vector<std::string> cells;
  for (const Json& cell : Row(kind).row(Json::parse(text), kNow)) {
    cells.push_back(cell.is_string() ? cell.get<std::string>() : cell.dump());
  }
  return cells;
}

using Texts = std::vector<std::string>;

struct RowCase {
  const char* kind;
  const char* object;
  Texts cells;
};

void CheckRows(const std::vector<RowCase>& cases) {
  for (const RowCase& test : cases) EXPECT_EQ(Cells(test.kind, test.object), test.cells);
}

TEST(Rows, OfWorkloads) {
  CheckRows({
      {"Deployment",
       R"({"metadata":{"name":"d","creationTimestamp":"2023-11-14T22:08:20Z"},
           "spec":{"replicas":3,"selector":{"matchLabels":{"app":"a"}},"template":{"spec":
            {"containers":[{"name":"c","image":"i:1"},{"name":"e","image":"j"}]}}},
           "status":{"readyReplicas":2,"updatedReplicas":3,"availableReplicas":1}})",
       {"d", "2/3", "3", "1", "5m", "c,e", "i:1,j", "app=a"}},
      {"ReplicaSet",
       R"({"metadata":{"name":"r"},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"a"}}},
           "status":{"replicas":2,"readyReplicas":1}})",
       {"r", "3", "2", "1", "<unknown>", "", "", "app=a"}},
      {"StatefulSet",
       R"({"metadata":{"name":"s"},"spec":{"replicas":2},"status":{}})",
       {"s", "0/2", "<unknown>", "", ""}},
  });
}

TEST(Rows, OfTheNetwork) {
  CheckRows({
      {"Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"NodePort","clusterIP":"10.0.0.1",
           "selector":{"app":"a"},"ports":[{"port":80,"protocol":"TCP","nodePort":30080},
           {"port":53,"protocol":"UDP"}]}})",
       {"s", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP,53/UDP", "<unknown>", "app=a"}},
      {"Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.1"}})",
       {"s", "LoadBalancer", "10.0.0.1", "<pending>", "<none>", "<unknown>", "<none>"}},
      {"Service",
       R"({"metadata":{"name":"s"},"spec":{"type":"ExternalName","externalName":"example.com"}})",
       {"s", "ExternalName", "<none>", "example.com", "<none>", "<unknown>", "<none>"}},
      {"Endpoints",
       R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"2.2.2.2"}],
           "ports":[{"port":80},{"port":81}]}]})",
       {"e", "1.1.1.1:80,1.1.1.1:81,2.2.2.2:80 + 1 more...", "<unknown>"}},
      {"Endpoints", R"({"metadata":{"name":"e"}})", {"e", "<none>", "<unknown>"}},
      {"EndpointSlice",
       R"({"metadata":{"name":"e"},"addressType":"IPv4","ports":[{"port":80}],
           "endpoints":[{"addresses":["1.1.1.1"]}]})",
       {"e", "IPv4", "80", "1.1.1.1", "<unknown>"}},
      {"EndpointSlice",
       R"({"metadata":{"name":"e"},"addressType":"IPv4"})",
       {"e", "IPv4", "<unset>", "<unset>", "<unknown>"}},
  });
}

TEST(Rows, OfOtherKinds) {
  CheckRows({
      {"Node",
       R"({"metadata":{"name":"n","labels":{"node-role.kubernetes.io/worker":"",
           "kubernetes.io/role":"edge"}},"spec":{"unschedulable":true},
           "status":{"conditions":[{"type":"Ready","status":"True"}],
            "addresses":[{"type":"InternalIP","address":"1.1.1.1"}],
            "nodeInfo":{"kubeletVersion":"v1.33.0","osImage":"Sim"}}})",
       {"n", "Ready,SchedulingDisabled", "edge,worker", "<unknown>", "v1.33.0", "1.1.1.1", "<none>",
        "Sim", "<unknown>", "<unknown>"}},
      {"Node",
       R"({"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})",
       {"n", "NotReady", "<none>", "<unknown>", "", "<none>", "<none>", "<unknown>", "<unknown>",
        "<unknown>"}},
      {"Namespace",
       R"({"metadata":{"name":"n"},"status":{"phase":"Active"}})",
       {"n", "Active", "<unknown>"}},
      {"ConfigMap",
       R"({"metadata":{"name":"c"},"data":{"a":""},"binaryData":{"b":""}})",
       {"c", "2", "<unknown>"}},
      {"Secret",
       R"({"metadata":{"name":"s"},"type":"Opaque","data":{"a":""}})",
       {"s", "Opaque", "1", "<unknown>"}},
      {"ServiceAccount", R"({"metadata":{"name":"s"}})", {"s", "0", "<unknown>"}},
      {"Lease",
       R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"h"}})",
       {"l", "h", "<unknown>"}},
      {"ControllerRevision",
       R"({"metadata":{"name":"c","ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet",
           "name":"web","controller":true}]},"revision":4})",
       {"c", "statefulset.apps/web", "4", "<unknown>"}},
      {"Event",
       R"({"metadata":{"name":"e.1"},"type":"Normal","reason":"Started","message":"m\n",
           "involvedObject":{"kind":"Pod","name":"p","fieldPath":"spec.containers{c}"},
           "source":{"component":"kubelet","host":"n"},"count":3,
           "firstTimestamp":"2023-11-14T22:03:20Z","lastTimestamp":"2023-11-14T22:13:15Z"})",
       {"5s", "Normal", "Started", "pod/p", "spec.containers{c}", "kubelet, n", "m", "10m", "3",
        "e.1"}},
      {"Event",
       R"({"metadata":{"name":"e.2"},"eventTime":"2023-11-14T22:13:10.000000Z",
           "involvedObject":{"kind":"Pod","name":"p"},"reportingComponent":"sched",
           "firstTimestamp":null,"lastTimestamp":null})",
       {"10s", "", "", "pod/p", "", "sched", "", "10s", "1", "e.2"}},
  });
}

// READY, STATUS and RESTARTS of a pod.
Texts PodCells(const Json& pod) {
  const std::vector<Json> cells = Row("Pod").row(pod, kNow);
  return {cells[1].get<std::string>(), cells[2].get<std::string>(), cells[3].get<std::string>()};
}

TEST(PodRow, ReadsContainerStatuses) {
  const struct {
    const char* status;
    Texts cells;
  } kCases[] = {
      {R"({"phase":"Pending"})", {"0/2", "Pending", "0"}},
      {R"({"phase":"Running","containerStatuses":[
           {"ready":true,"state":{"running":{}}},{"ready":true,"state":{"running":{}}}]})",
       {"2/2", "Running", "0"}},
      {R"({"phase":"Running","containerStatuses":[
           {"ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
            "lastState":{"terminated":{"finishedAt":"2023-11-14T22:12:20Z"}}},
           {"ready":true,"state":{"running":{}}}]})",
       {"1/2", "CrashLoopBackOff", "4 (60s ago)"}},
      {R"({"phase":"Failed","containerStatuses":[
           {"state":{"terminated":{"exitCode":3}}},{"state":{"terminated":{"reason":"Error"}}}]})",
       {"0/2", "ExitCode:3", "0"}},
      {R"({"phase":"Failed","containerStatuses":[{"state":{"terminated":{"signal":9}}}]})",
       {"0/2", "Signal:9", "0"}},
      {R"({"phase":"Running","containerStatuses":[
           {"state":{"terminated":{"reason":"Completed"}}},
           {"ready":true,"state":{"running":{}}}]})",
       {"1/2", "NotReady", "0"}},
      {R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[
           {"state":{"terminated":{"reason":"Completed"}}},
           {"ready":true,"state":{"running":{}}}]})",
       {"1/2", "Running", "0"}},
      {R"({"phase":"Failed","reason":"Evicted"})", {"0/2", "Evicted", "0"}},
      {R"({"phase":"Pending","initContainerStatuses":[{"state":{"running":{}}}]})",
       {"0/2", "Init:0/2", "0"}},
      {R"({"phase":"Pending","initContainerStatuses":[
           {"state":{"terminated":{"exitCode":0}}},{"state":{"waiting":{"reason":"ErrImagePull"}}}]})",
       {"0/2", "Init:ErrImagePull", "0"}},
      {R"({"phase":"Pending","initContainerStatuses":[
           {"restartCount":2,"state":{"terminated":{"exitCode":1}}}]})",
       {"0/2", "Init:ExitCode:1", "2"}},
      {R"({"phase":"Pending","initContainerStatuses":[
           {"state":{"terminated":{"exitCode":1,"reason":"Error"}}}]})",
       {"0/2", "Init:Error", "0"}},
      {R"({"phase":"Pending","conditions":[
           {"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]})",
       {"0/2", "SchedulingGated", "0"}},
  };
  for (const auto& test : kCases) {
    Json pod = Json::parse(R"({"metadata":{"name":"p"},"spec":{"containers":[{},{}],
                               "initContainers":[{},{}]}})");
    pod["status"] = Json::parse(test.status);
    EXPECT_EQ(PodCells(pod), test.cells) << test.status;
  }
}

TEST(PodRow, TellsDeletion) {
  Json pod = Json::parse(R"({"metadata":{"deletionTimestamp":"2023-11-14T22:13:20Z"},
    "spec":{"containers":[{}]},"status":{"phase":"Running"}})");
  EXPECT_EQ(PodCells(pod)[1], "Terminating");
  pod["status"]["phase"] = "Succeeded";
  EXPECT_EQ(PodCells(pod)[1], "Succeeded");
  pod["status"]["reason"] = "NodeLost";
  EXPECT_EQ(PodCells(pod)[1], "Unknown");
}

TEST(PodRow, HasWideColumns) {
  EXPECT_EQ(Cells("Pod", R"({"metadata":{"name":"p"},"spec":{"nodeName":"n",
      "readinessGates":[{"conditionType":"a"},{"conditionType":"b"}]},"status":{"phase":"Running",
      "podIPs":[{"ip":"10.0.0.9"}],"conditions":[{"type":"a","status":"True"}]}})"),
            (Texts{"p", "0/0", "Running", "0", "<unknown>", "10.0.0.9", "n", "<none>", "1/2"}));
}

TEST(FieldLabels, ReadTheirPaths) {
  const struct {
    const char* kind;
    const char* path;
    const char* object;
    const char* value;
  } kCases[] = {
      {"Pod", "spec.nodeName", R"({"spec":{"nodeName":"n"}})", "n"},
      {"Pod", "status.phase", R"({"status":{"phase":"Running"}})", "Running"},
      {"Pod", "status.podIPs", R"({"status":{"podIPs":[{"ip":"1"},{"ip":"2"}]}})", "1,2"},
      {"Node", "spec.unschedulable", "{}", "false"},
      {"Node", "spec.unschedulable", R"({"spec":{"unschedulable":true}})", "true"},
      {"Namespace", "status.phase", R"({"status":{"phase":"Active"}})", "Active"},
      {"Secret", "type", R"({"type":"Opaque"})", "Opaque"},
      {"Event", "involvedObject.uid", R"({"involvedObject":{"uid":"u"}})", "u"},
      {"Event", "source", R"({"reportingComponent":"c"})", "c"},
      {"ReplicaSet", "status.replicas", R"({"status":{"replicas":3}})", "3"},
  };
  for (const auto& test : kCases) {
    const auto& labels = Row(test.kind).field_labels;
    const auto label = std::find_if(labels.begin(), labels.end(),
                                    [&](const auto& each) { return each.path == test.path; });
    ASSERT_NE(label, labels.end()) << test.path;
    EXPECT_EQ(label->value(Json::parse(test.object)), test.value) << test.path;
  }
}

}  // namespace
}  // namespace pintle::server::kube

#include "client/controllers/simulated_objects.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/pod_util.h"

namespace pintle::client::controllers {
namespace {

// A condition that keeps its lastTransitionTime while its status stays.
Json Condition(const Json& current, const char* type, const char* status, const char* reason,
               std::string_view message, absl::Time now) {
  const Json& before = FindCondition(current, type);
  const bool same = Str(before, "status") == status;
  Json condition{
      {"type", type},
      {"status", status},
      {"lastTransitionTime", same ? std::string(Str(before, "lastTransitionTime")) : Rfc3339(now)}};
  if (*reason != '\0') condition["reason"] = reason;
  if (!message.empty()) condition["message"] = std::string(message);
  return condition;
}

Json Resources() {
  return {{"cpu", "16"}, {"memory", "64Gi"}, {"ephemeral-storage", "100Gi"}, {"pods", "110"}};
}

const Json& ContainerStatus(const Json& pod, const char* list, std::string_view name) {
  static const Json& none = *new Json();
  for (const Json& status : Array(At(pod, "status"), list)) {
    if (Str(status, "name") == name) return status;
  }
  return none;
}

Json RunningContainer(const Json& pod, const Json& container, absl::Time now) {
  const std::string name(Str(container, "name"));
  const std::string image(Str(container, "image"));
  const Json& before = ContainerStatus(pod, "containerStatuses", name);
  const bool same = Str(before, "image") == image;
  std::string since(Str(before, "state.running.startedAt"));
  if (!same || since.empty()) since = Rfc3339(now);
  const int64_t restarts = Int(before, "restartCount") + (before.is_null() || same ? 0 : 1);
  return {{"name", name},
          {"image", image},
          {"imageID", "simulated://" + image},
          {"containerID", absl::StrCat("simulated://", std::string(Uid(pod)), "/", name)},
          {"ready", true},
          {"started", true},
          {"restartCount", restarts},
          {"state", {{"running", {{"startedAt", since}}}}}};
}

Json FinishedInitContainer(const Json& pod, const Json& container, absl::Time now) {
  const std::string name(Str(container, "name"));
  const Json& before = ContainerStatus(pod, "initContainerStatuses", name);
  if (!before.is_null()) return before;
  const std::string when = Rfc3339(now);
  return {
      {"name", name},
      {"image", std::string(Str(container, "image"))},
      {"imageID", absl::StrCat("simulated://", std::string(Str(container, "image")))},
      {"ready", true},
      {"restartCount", 0},
      {"state",
       {{"terminated",
         {{"exitCode", 0}, {"reason", "Completed"}, {"startedAt", when}, {"finishedAt", when}}}}}};
}

}  // namespace

std::string NodeAddress(int index) {
  return absl::StrCat("10.200.", index / 256, ".", index % 256);
}

std::string PodAddress(int index, int host) {
  return absl::StrCat("10.", 244 + index / 256, ".", index % 256, ".", host);
}

int IndexOfRange(const Json& node) {
  const std::string range(Str(node, "spec.podCIDR"));
  int high = 0;
  int low = 0;
  if (std::sscanf(range.c_str(), "10.%d.%d.0/24", &high, &low) != 2 || high < 244) return 0;
  return (high - 244) * 256 + low;
}

Json SimulatedNode(const SimulatedNodeIdentity& identity, absl::Time now) {
  const std::string range = absl::StrCat(PodAddress(identity.index, 0), "/24");
  Json node;
  node["metadata"] = {{"name", identity.name},
                      {"labels",
                       {{"kubernetes.io/hostname", identity.name},
                        {"kubernetes.io/os", "linux"},
                        {"kubernetes.io/arch", "amd64"},
                        {"beta.kubernetes.io/os", "linux"},
                        {"beta.kubernetes.io/arch", "amd64"}}},
                      {"annotations", {{std::string(kSimulatedAnnotation), "true"}}}};
  node["spec"] = {{"podCIDR", range}, {"podCIDRs", Json::array({range})}};
  node["status"] = SimulatedNodeStatus(identity, Json(), now);
  return node;
}

Json SimulatedNodeStatus(const SimulatedNodeIdentity& identity, const Json& current,
                         absl::Time now) {
  const Json& conditions = At(current, "status.conditions");
  Json told = Json::array();
  const auto add = [&](const char* type, const char* status, const char* reason,
                       const char* message) {
    Json condition = Condition(conditions, type, status, reason, message, now);
    condition["lastHeartbeatTime"] = Rfc3339(now);
    told.push_back(std::move(condition));
  };
  add("MemoryPressure", "False", "SimulatedHasSufficientMemory",
      "simulated node: no memory is used");
  add("DiskPressure", "False", "SimulatedHasNoDiskPressure", "simulated node: no disk is used");
  add("PIDPressure", "False", "SimulatedHasSufficientPID", "simulated node: no process runs");
  add("Ready", "True", "SimulatedReady", "simulated node: pods run in name only");
  return {
      {"capacity", Resources()},
      {"allocatable", Resources()},
      {"conditions", std::move(told)},
      {"addresses", Json::array({{{"type", "InternalIP"}, {"address", NodeAddress(identity.index)}},
                                 {{"type", "Hostname"}, {"address", identity.name}}})},
      {"daemonEndpoints", {{"kubeletEndpoint", {{"Port", 0}}}}},
      {"nodeInfo",
       {{"machineID", "simulated"},
        {"systemUUID", "simulated"},
        {"bootID", "simulated"},
        {"kernelVersion", "simulated"},
        {"osImage", "simulated (no machine)"},
        {"containerRuntimeVersion", "simulated://0"},
        {"kubeletVersion", identity.version},
        {"kubeProxyVersion", identity.version},
        {"operatingSystem", "linux"},
        {"architecture", "amd64"}}}};
}

bool NeedsRunning(const Json& pod) {
  if (IsFinished(pod)) return false;
  if (Str(pod, "status.phase") != "Running" || !IsReady(pod)) return true;
  if (Str(pod, "status.podIP").empty()) return true;
  for (const Json& container : Array(pod, "spec.containers")) {
    const Json& status = ContainerStatus(pod, "containerStatuses", Str(container, "name"));
    if (Str(status, "image") != Str(container, "image")) return true;
  }
  return false;
}

Json RunningStatus(const Json& pod, const std::string& node_address, const std::string& pod_address,
                   absl::Time now) {
  const Json& conditions = At(pod, "status.conditions");
  std::string started(Str(pod, "status.startTime"));
  if (started.empty()) started = Rfc3339(now);
  Json status{{"phase", "Running"},
              {"message", std::string(kSimulatedMessage)},
              {"hostIP", node_address},
              {"podIP", pod_address},
              {"podIPs", Json::array({{{"ip", pod_address}}})},
              {"startTime", started}};
  status["conditions"] = Json::array();
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    status["conditions"].push_back(
        Condition(conditions, type, "True", "", *type == 'R' ? kSimulatedMessage : "", now));
  }
  Json containers = Json::array();
  for (const Json& container : Array(pod, "spec.containers")) {
    containers.push_back(RunningContainer(pod, container, now));
  }
  status["containerStatuses"] = std::move(containers);
  Json init_containers = Json::array();
  for (const Json& container : Array(pod, "spec.initContainers")) {
    init_containers.push_back(FinishedInitContainer(pod, container, now));
  }
  if (!init_containers.empty()) status["initContainerStatuses"] = std::move(init_containers);
  return status;
}

}  // namespace pintle::client::controllers

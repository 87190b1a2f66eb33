#include "server/kube/resources/pod_row.h"

#include <cstdint>
#include <optional>
#include <string>

#include "server/kube/resources/age.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {
namespace {

// What the statuses of a pod's containers add up to.
struct Summary {
  std::string reason;  // the STATUS cell
  int64_t restarts = 0;
  std::optional<absl::Time> last_restart;
  int64_t total = 0;
  int64_t ready = 0;
};

bool HasCondition(const Json& pod, std::string_view type) {
  for (const Json& condition : At(pod, {"status", "conditions"})) {
    if (StringAt(condition, {"type"}) == type) return StringAt(condition, {"status"}) == "True";
  }
  return false;
}

std::string InitialReason(const Json& pod) {
  std::string reason = StringAt(pod, {"status", "reason"});
  if (reason.empty()) reason = StringAt(pod, {"status", "phase"});
  for (const Json& condition : At(pod, {"status", "conditions"})) {
    if (StringAt(condition, {"type"}) == "PodScheduled" &&
        StringAt(condition, {"reason"}) == "SchedulingGated") {
      reason = "SchedulingGated";
    }
  }
  return reason;
}

void CountRestarts(const Json& status, Summary& summary) {
  summary.restarts += IntAt(status, {"restartCount"});
  const std::string finished = StringAt(status, {"lastState", "terminated", "finishedAt"});
  absl::Time time;
  if (finished.empty() || !absl::ParseTime(absl::RFC3339_full, finished, &time, nullptr)) return;
  if (!summary.last_restart || *summary.last_restart < time) summary.last_restart = time;
}

// Why a container ended, when it gave no reason.
std::string ExitText(const Json& terminated) {
  const int64_t signal = IntAt(terminated, {"signal"});
  if (signal != 0) return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(IntAt(terminated, {"exitCode"}));
}

// An init container that stays running beside the others.
bool IsSidecar(const Json& pod, const std::string& name) {
  for (const Json& container : At(pod, {"spec", "initContainers"})) {
    if (StringAt(container, {"name"}) == name) {
      return StringAt(container, {"restartPolicy"}) == "Always";
    }
  }
  return false;
}

// The first init container that is not done tells the reason; true when there is one.
bool SummarizeInit(const Json& pod, Summary& summary, Summary& sidecars) {
  const Json& statuses = At(pod, {"status", "initContainerStatuses"});
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Json& status = statuses[i];
    const bool sidecar = IsSidecar(pod, StringAt(status, {"name"}));
    CountRestarts(status, summary);
    if (sidecar) CountRestarts(status, sidecars);
    const Json& terminated = At(status, {"state", "terminated"});
    if (!terminated.is_null() && IntAt(terminated, {"exitCode"}) == 0) continue;
    if (sidecar && At(status, {"started"}) == true) {
      if (At(status, {"ready"}) == true) ++summary.ready;
      continue;
    }
    const std::string waiting = StringAt(status, {"state", "waiting", "reason"});
    if (!terminated.is_null()) {
      const std::string reason = StringAt(terminated, {"reason"});
      summary.reason = "Init:" + (reason.empty() ? ExitText(terminated) : reason);
    } else if (!waiting.empty() && waiting != "PodInitializing") {
      summary.reason = "Init:" + waiting;
    } else {
      summary.reason = "Init:" + std::to_string(i) + "/" +
                       std::to_string(At(pod, {"spec", "initContainers"}).size());
    }
    return true;
  }
  return false;
}

// From last to first: the first container's reason wins.
void SummarizeContainers(const Json& pod, Summary& summary) {
  const Json& statuses = At(pod, {"status", "containerStatuses"});
  bool running = false;
  for (size_t i = statuses.size(); i-- > 0;) {
    const Json& status = statuses[i];
    CountRestarts(status, summary);
    const std::string waiting = StringAt(status, {"state", "waiting", "reason"});
    const Json& terminated = At(status, {"state", "terminated"});
    if (!waiting.empty()) {
      summary.reason = waiting;
    } else if (!terminated.is_null()) {
      const std::string reason = StringAt(terminated, {"reason"});
      summary.reason = reason.empty() ? ExitText(terminated) : reason;
    } else if (At(status, {"ready"}) == true && !At(status, {"state", "running"}).is_null()) {
      running = true;
      ++summary.ready;
    }
  }
  if (summary.reason == "Completed" && running) {
    summary.reason = HasCondition(pod, "Ready") ? "Running" : "NotReady";
  }
}

Summary Summarize(const Json& pod) {
  Summary summary;
  summary.reason = InitialReason(pod);
  summary.total = static_cast<int64_t>(At(pod, {"spec", "containers"}).size());
  for (const Json& container : At(pod, {"spec", "initContainers"})) {
    if (StringAt(container, {"restartPolicy"}) == "Always") ++summary.total;
  }
  Summary sidecars;
  const bool initializing = SummarizeInit(pod, summary, sidecars);
  if (!initializing || HasCondition(pod, "Initialized")) {
    summary.restarts = sidecars.restarts;
    summary.last_restart = sidecars.last_restart;
    SummarizeContainers(pod, summary);
  }
  if (!At(pod, {"metadata", "deletionTimestamp"}).is_null()) {
    const std::string phase = StringAt(pod, {"status", "phase"});
    if (StringAt(pod, {"status", "reason"}) == "NodeLost") {
      summary.reason = "Unknown";
    } else if (phase != "Succeeded" && phase != "Failed") {
      summary.reason = "Terminating";
    }
  }
  return summary;
}

std::string OrNone(std::string text) { return text.empty() ? "<none>" : text; }

std::string ReadinessGates(const Json& pod) {
  const Json& gates = At(pod, {"spec", "readinessGates"});
  if (gates.empty()) return "<none>";
  int64_t passed = 0;
  for (const Json& gate : gates) {
    if (HasCondition(pod, StringAt(gate, {"conditionType"}))) ++passed;
  }
  return std::to_string(passed) + "/" + std::to_string(gates.size());
}

std::string PodIp(const Json& pod) {
  const Json& ips = At(pod, {"status", "podIPs"});
  if (ips.is_array() && !ips.empty()) return StringAt(ips[0], {"ip"});
  return StringAt(pod, {"status", "podIP"});
}

}  // namespace

std::vector<Column> PodColumns() {
  return {NameColumn(),
          {"Ready", "string", "", "How many of its containers are ready.", 0},
          {"Status", "string", "", "What the pod is doing, or what keeps it from that.", 0},
          {"Restarts", "string", "", "How often its containers were started anew.", 0},
          AgeColumn(),
          WideColumn("IP", "string", "The pod's address."),
          WideColumn("Node", "string", "Where it runs."),
          WideColumn("Nominated Node", "string", "Where it may run once others have left."),
          WideColumn("Readiness Gates", "string", "Conditions beyond its containers' readiness.")};
}

std::vector<Json> PodCells(const Json& pod, absl::Time now) {
  const Summary summary = Summarize(pod);
  std::string restarts = std::to_string(summary.restarts);
  if (summary.restarts != 0 && summary.last_restart) {
    restarts += " (" + HumanDuration(now - *summary.last_restart) + " ago)";
  }
  return {StringAt(pod, {"metadata", "name"}),
          std::to_string(summary.ready) + "/" + std::to_string(summary.total),
          summary.reason,
          restarts,
          ObjectAge(pod, now),
          OrNone(PodIp(pod)),
          OrNone(StringAt(pod, {"spec", "nodeName"})),
          OrNone(StringAt(pod, {"status", "nominatedNodeName"})),
          ReadinessGates(pod)};
}

}  // namespace pintle::server::kube

#include "client/controllers/node_health.h"

#include <algorithm>

#include "client/controllers/pod_util.h"

namespace pintle::client::controllers {
namespace {

constexpr int64_t kAdmissionTolerationSeconds = 300;
constexpr const char* kHeartbeatConditions[] = {"Ready", "MemoryPressure", "DiskPressure",
                                                "PIDPressure"};

bool IsHealthTaint(const Json& taint) {
  const std::string_view key = Str(taint, "key");
  return key == kTaintUnreachable || key == kTaintNotReady;
}

// How long the pod tolerates one NoExecute taint.
absl::Duration Tolerated(const Json& pod, const Json& taint, absl::Duration default_toleration) {
  absl::Duration longest = -absl::InfiniteDuration();
  for (const Json& toleration : Array(pod, "spec.tolerations")) {
    if (!Tolerates(toleration, taint)) continue;
    const Json& seconds = At(toleration, "tolerationSeconds");
    absl::Duration stay = absl::InfiniteDuration();
    if (seconds.is_number_integer()) stay = absl::Seconds(seconds.get<int64_t>());
    if (IsHealthTaint(taint) && stay == absl::Seconds(kAdmissionTolerationSeconds)) {
      stay = default_toleration;
    }
    longest = std::max(longest, stay);
  }
  if (longest == -absl::InfiniteDuration()) {
    return IsHealthTaint(taint) ? default_toleration : absl::ZeroDuration();
  }
  return longest;
}

}  // namespace

std::optional<Json> ConditionsWhenSilent(const Json& node, absl::Time now) {
  Json conditions = Array(node, "status.conditions");
  bool changed = false;
  for (const char* type : kHeartbeatConditions) {
    if (Str(FindCondition(conditions, type), "status") == "Unknown") continue;
    changed = true;
    bool found = false;
    for (Json& condition : conditions) {
      if (Str(condition, "type") != type) continue;
      found = true;
      condition["status"] = "Unknown";
      condition["reason"] = "NodeStatusUnknown";
      condition["message"] = "Kubelet stopped posting node status.";
      condition["lastTransitionTime"] = Rfc3339(now);
    }
    if (found) continue;
    conditions.push_back({{"type", type},
                          {"status", "Unknown"},
                          {"reason", "NodeStatusNeverUpdated"},
                          {"message", "Kubelet never posted node status."},
                          {"lastHeartbeatTime", Rfc3339(now)},
                          {"lastTransitionTime", Rfc3339(now)}});
  }
  if (!changed) return std::nullopt;
  return conditions;
}

std::optional<Json> TaintsFor(const Json& node, absl::Time now) {
  const std::string_view ready =
      Str(FindCondition(At(node, "status.conditions"), "Ready"), "status");
  std::string_view wanted;
  if (ready == "Unknown") wanted = kTaintUnreachable;
  if (ready == "False") wanted = kTaintNotReady;
  Json taints = Json::array();
  bool has_no_schedule = false;
  bool has_no_execute = false;
  bool changed = false;
  for (const Json& taint : Array(node, "spec.taints")) {
    if (IsHealthTaint(taint) && Str(taint, "key") != wanted) {
      changed = true;
      continue;
    }
    if (IsHealthTaint(taint)) {
      has_no_schedule |= Str(taint, "effect") == "NoSchedule";
      has_no_execute |= Str(taint, "effect") == "NoExecute";
    }
    taints.push_back(taint);
  }
  const auto add = [&](const char* effect) {
    changed = true;
    taints.push_back(
        {{"key", std::string(wanted)}, {"effect", effect}, {"timeAdded", Rfc3339(now)}});
  };
  if (!wanted.empty() && !has_no_schedule) add("NoSchedule");
  if (!wanted.empty() && !has_no_execute) add("NoExecute");
  if (!changed) return std::nullopt;
  return taints;
}

absl::Time EvictionTime(const Json& pod, const Json& node, absl::Duration default_toleration) {
  absl::Time earliest = absl::InfiniteFuture();
  for (const Json& taint : Array(node, "spec.taints")) {
    if (Str(taint, "effect") != "NoExecute") continue;
    const absl::Duration stay = Tolerated(pod, taint, default_toleration);
    if (stay == absl::InfiniteDuration()) continue;
    const auto added = ParseTime(Str(taint, "timeAdded"));
    if (stay <= absl::ZeroDuration() || !added) return absl::InfinitePast();
    earliest = std::min(earliest, *added + stay);
  }
  return earliest;
}

}  // namespace pintle::client::controllers

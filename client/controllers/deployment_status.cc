#include "client/controllers/deployment_status.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/controllers/rolling_update.h"

namespace pintle::client::controllers {
namespace {

constexpr std::string_view kProgressing = "Progressing";
constexpr int64_t kNoDeadline = std::numeric_limits<int32_t>::max();

int64_t SumStatus(const std::vector<const Json*>& sets, std::string_view field) {
  int64_t total = 0;
  for (const Json* set : sets) total += Int(At(*set, "status"), field);
  return total;
}

Json NewCondition(std::string_view type, std::string_view value, std::string_view reason,
                  std::string_view message, absl::Time now) {
  return Json{{"type", std::string(type)},      {"status", std::string(value)},
              {"reason", std::string(reason)},  {"message", std::string(message)},
              {"lastUpdateTime", Rfc3339(now)}, {"lastTransitionTime", Rfc3339(now)}};
}

// Counts say that pods became new, ready or available, or that old ones went.
bool Progressed(const Json& before, const Json& after) {
  const auto old_pods = [](const Json& status) {
    return Int(status, "replicas") - Int(status, "updatedReplicas");
  };
  return Int(after, "updatedReplicas") > Int(before, "updatedReplicas") ||
         old_pods(after) < old_pods(before) ||
         Int(after, "readyReplicas") > Int(before, "readyReplicas") ||
         Int(after, "availableReplicas") > Int(before, "availableReplicas");
}

absl::Duration ProgressDeadline(const Json& deployment) {
  return absl::Seconds(Int(deployment, "spec.progressDeadlineSeconds", 600));
}

bool TimedOut(const Json& deployment, const Json& condition, absl::Time now) {
  if (condition.is_null()) return false;
  const std::string_view reason = Str(condition, "reason");
  if (reason == kNewReplicaSetAvailable) return false;
  if (reason == kTimedOut) return true;
  const auto from = ParseTime(Str(condition, "lastUpdateTime"));
  return from && *from + ProgressDeadline(deployment) < now;
}

std::string Subject(const Json& deployment, const Json* new_set) {
  return new_set == nullptr ? absl::StrCat("Deployment \"", std::string(Name(deployment)), "\"")
                            : absl::StrCat("ReplicaSet \"", std::string(Name(*new_set)), "\"");
}

void UpdateProgress(const Json& deployment, const Json* new_set, Json& status, absl::Time now) {
  const Json& before = At(deployment, "status");
  const Json current = FindCondition(At(before, "conditions"), kProgressing);
  const bool was_complete = Int(status, "replicas") == Int(status, "updatedReplicas") &&
                            Str(current, "reason") == kNewReplicaSetAvailable;
  if (was_complete) return;
  const std::string subject = Subject(deployment, new_set);
  if (DeploymentComplete(deployment, status)) {
    SetCondition(status, kProgressing, "True", kNewReplicaSetAvailable,
                 subject + " has successfully progressed.", now);
  } else if (Progressed(before, status)) {
    Json condition =
        NewCondition(kProgressing, "True", "ReplicaSetUpdated", subject + " is progressing.", now);
    if (Str(current, "status") == "True") {
      condition["lastTransitionTime"] = current["lastTransitionTime"];
    }
    // Always replaced: lastUpdateTime is what the deadline counts from.
    RemoveCondition(status, kProgressing);
    status["conditions"].push_back(std::move(condition));
  } else if (TimedOut(deployment, current, now)) {
    SetCondition(status, kProgressing, "False", kTimedOut, subject + " has timed out progressing.",
                 now);
  }
}

}  // namespace

bool HasProgressDeadline(const Json& deployment) {
  const Json& seconds = At(deployment, "spec.progressDeadlineSeconds");
  return seconds.is_number_integer() && seconds.get<int64_t>() != kNoDeadline;
}

bool DeploymentComplete(const Json& deployment, const Json& status) {
  const int64_t wanted = Int(deployment, "spec.replicas", 1);
  return Int(status, "updatedReplicas") == wanted && Int(status, "replicas") == wanted &&
         Int(status, "availableReplicas") == wanted &&
         Int(status, "observedGeneration") >= Int(deployment, "metadata.generation");
}

void RemoveCondition(Json& status, std::string_view type) {
  Json kept = Json::array();
  for (const Json& condition : Array(status, "conditions")) {
    if (Str(condition, "type") != type) kept.push_back(condition);
  }
  status["conditions"] = std::move(kept);
}

void SetCondition(Json& status, std::string_view type, std::string_view value,
                  std::string_view reason, std::string_view message, absl::Time now) {
  const Json current = FindCondition(At(status, "conditions"), type);
  if (Str(current, "status") == value && Str(current, "reason") == reason) return;
  Json condition = NewCondition(type, value, reason, message, now);
  if (Str(current, "status") == value) {
    condition["lastTransitionTime"] = current["lastTransitionTime"];
  }
  RemoveCondition(status, type);
  status["conditions"].push_back(std::move(condition));
}

Json CountStatus(const Json& deployment, const std::vector<const Json*>& all_sets,
                 const Json* new_set, absl::Time now) {
  int64_t wanted_by_sets = 0;
  for (const Json* set : all_sets) wanted_by_sets += Int(*set, "spec.replicas", 1);
  const int64_t available = SumStatus(all_sets, "availableReplicas");
  Json status{{"observedGeneration", Int(deployment, "metadata.generation")},
              {"replicas", SumStatus(all_sets, "replicas")},
              {"updatedReplicas", new_set == nullptr ? 0 : Int(*new_set, "status.replicas")},
              {"readyReplicas", SumStatus(all_sets, "readyReplicas")},
              {"availableReplicas", available},
              {"unavailableReplicas", std::max<int64_t>(wanted_by_sets - available, 0)},
              {"conditions", Array(deployment, "status.conditions")}};
  for (auto field = status.begin(); field != status.end();) {  // Go's omitempty
    field = *field == 0 ? status.erase(field) : std::next(field);
  }
  const Json& collisions = At(deployment, "status.collisionCount");
  if (!collisions.is_null()) status["collisionCount"] = collisions;
  if (available >= BoundsOf(deployment).min_available()) {
    SetCondition(status, "Available", "True", "MinimumReplicasAvailable",
                 "Deployment has minimum availability.", now);
  } else {
    SetCondition(status, "Available", "False", "MinimumReplicasUnavailable",
                 "Deployment does not have minimum availability.", now);
  }
  return status;
}

Json RolloutStatus(const Json& deployment, const std::vector<const Json*>& all_sets,
                   const Json* new_set, absl::Time now) {
  Json status = CountStatus(deployment, all_sets, new_set, now);
  if (HasProgressDeadline(deployment)) {
    UpdateProgress(deployment, new_set, status, now);
  } else {
    RemoveCondition(status, kProgressing);
  }
  const Json* failure = nullptr;
  for (const Json* set : all_sets) {
    const Json& condition = FindCondition(At(*set, "status.conditions"), "ReplicaFailure");
    if (!condition.is_null() && (failure == nullptr || set == new_set)) failure = &condition;
  }
  if (failure == nullptr) {
    RemoveCondition(status, "ReplicaFailure");
  } else {
    SetCondition(status, "ReplicaFailure", Str(*failure, "status"), Str(*failure, "reason"),
                 Str(*failure, "message"), now);
  }
  return status;
}

void NotePause(const Json& deployment, Json& status, absl::Time now) {
  if (!HasProgressDeadline(deployment)) return;
  const std::string reason(Str(FindCondition(At(status, "conditions"), kProgressing), "reason"));
  if (reason == kTimedOut) return;
  const bool paused = Bool(deployment, "spec.paused");
  if (paused && reason != "DeploymentPaused") {
    SetCondition(status, kProgressing, "Unknown", "DeploymentPaused", "Deployment is paused", now);
  } else if (!paused && reason == "DeploymentPaused") {
    SetCondition(status, kProgressing, "Unknown", "DeploymentResumed", "Deployment is resumed",
                 now);
  }
}

absl::Duration UntilProgressDeadline(const Json& deployment, const Json& new_status,
                                     absl::Time now) {
  const Json& condition = FindCondition(At(new_status, "conditions"), kProgressing);
  if (!HasProgressDeadline(deployment) || condition.is_null() ||
      DeploymentComplete(deployment, new_status) || Str(condition, "reason") == kTimedOut) {
    return absl::InfiniteDuration();
  }
  const auto from = ParseTime(Str(condition, "lastUpdateTime"));
  if (!from) return absl::InfiniteDuration();
  return std::max(*from + ProgressDeadline(deployment) - now, absl::ZeroDuration()) +
         absl::Seconds(1);
}

}  // namespace pintle::client::controllers

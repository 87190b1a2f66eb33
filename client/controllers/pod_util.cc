#include "client/controllers/pod_util.h"

#include <algorithm>

namespace pintle::client::controllers {

bool IsFinished(const Json& pod) {
  const std::string_view phase = Str(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
}

bool IsActive(const Json& pod) { return !IsFinished(pod) && !Deleting(pod); }

bool IsReady(const Json& pod) {
  return Str(FindCondition(At(pod, "status.conditions"), "Ready"), "status") == "True";
}

absl::Time ReadySince(const Json& pod) {
  const Json& ready = FindCondition(At(pod, "status.conditions"), "Ready");
  return ParseTime(Str(ready, "lastTransitionTime")).value_or(absl::InfinitePast());
}

bool IsAvailable(const Json& pod, absl::Duration min_ready, absl::Time now) {
  if (!IsReady(pod)) return false;
  return min_ready <= absl::ZeroDuration() || ReadySince(pod) + min_ready <= now;
}

int64_t RestartCount(const Json& pod) {
  int64_t most = 0;
  for (const Json& status : Array(pod, "status.containerStatuses")) {
    most = std::max(most, Int(status, "restartCount"));
  }
  return most;
}

bool Tolerates(const Json& toleration, const Json& taint) {
  const std::string_view effect = Str(toleration, "effect");
  if (!effect.empty() && effect != Str(taint, "effect")) return false;
  const std::string_view key = Str(toleration, "key");
  const std::string_view op = Str(toleration, "operator");
  if (key.empty()) return op == "Exists";
  if (key != Str(taint, "key")) return false;
  if (op == "Exists") return true;
  return (op.empty() || op == "Equal") && Str(toleration, "value") == Str(taint, "value");
}

}  // namespace pintle::client::controllers

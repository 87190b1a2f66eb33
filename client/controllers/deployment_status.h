// A Deployment's status: counts, the conditions Available and Progressing, and when progress has
// taken too long.
//
// Pure. Enough for `kubectl rollout status` of every version: observedGeneration, updatedReplicas,
// replicas, availableReplicas, and Progressing with reason ProgressDeadlineExceeded. Source:
// kube-controller-manager, pkg/controller/deployment/progress.go and sync.go.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "client/json.h"

namespace pintle::client::controllers {

inline constexpr std::string_view kNewReplicaSetAvailable = "NewReplicaSetAvailable";
inline constexpr std::string_view kTimedOut = "ProgressDeadlineExceeded";

bool HasProgressDeadline(const Json& deployment);
bool DeploymentComplete(const Json& deployment, const Json& status);

// Sets a condition in status.conditions, as SetDeploymentCondition does: nothing changes when
// status and reason are the same; lastTransitionTime is kept while status is.
void SetCondition(Json& status, std::string_view type, std::string_view value,
                  std::string_view reason, std::string_view message, absl::Time now);
void RemoveCondition(Json& status, std::string_view type);

// The status by counting; conditions other than Available are carried over. `new_set` may be null.
Json CountStatus(const Json& deployment, const std::vector<const Json*>& all_sets,
                 const Json* new_set, absl::Time now);
// The same with Progressing and ReplicaFailure brought up to date.
Json RolloutStatus(const Json& deployment, const std::vector<const Json*>& all_sets,
                   const Json* new_set, absl::Time now);
// Conditions DeploymentPaused and DeploymentResumed.
void NotePause(const Json& deployment, Json& status, absl::Time now);

// When to look again whether the progress deadline has passed; InfiniteDuration: never.
absl::Duration UntilProgressDeadline(const Json& deployment, const Json& new_status,
                                     absl::Time now);

}  // namespace pintle::client::controllers

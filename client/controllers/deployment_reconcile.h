// What a Deployment needs next: a pure function from what is known to what is to be done.
//
// One pass does one step of a rollout (make the new ReplicaSet, or size the new one, or size the
// old ones) and writes the status; the ReplicaSets' own progress brings the next pass. The steps
// and their order are kube-controller-manager's (pkg/controller/deployment: rolling.go,
// recreate.go, sync.go).
#pragma once

#include <string>
#include <vector>

#include "client/controllers/plan.h"

namespace pintle::client::controllers {

inline constexpr std::string_view kRevisionAnnotation = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistoryAnnotation =
    "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesiredReplicasAnnotation =
    "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";
inline constexpr std::string_view kPodTemplateHashLabel = "pod-template-hash";

struct DeploymentView {
  ObjectPtr deployment;
  std::vector<ObjectPtr> replica_sets;  // controlled by it
  std::vector<ObjectPtr> pods;          // of those ReplicaSets, deleted and finished ones included
  absl::Time now;
};

Plan ReconcileDeployment(const DeploymentView& view);

// The hash that names a ReplicaSet: of the template, salted with the number of collisions so far.
std::string PodTemplateHash(const Json& pod_template, const Json& collision_count);
// Equality of pod templates, the hash label aside.
bool SameTemplate(const Json& a, const Json& b);

}  // namespace pintle::client::controllers

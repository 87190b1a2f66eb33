// The arithmetic of rolling updates: how many pods may be above and below the wanted number, and
// who gets them.
//
// Pure, on plain numbers. Source: kube-controller-manager, pkg/controller/deployment (util and
// rolling.go).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "client/json.h"

namespace pintle::client::controllers {

struct RolloutBounds {
  int64_t replicas = 0;
  int64_t max_surge = 0;
  int64_t max_unavailable = 0;

  int64_t max_total() const { return replicas + max_surge; }
  int64_t min_available() const { return replicas - max_unavailable; }
};

// "25%" of total, or the number itself. Surge rounds up, unavailability down.
int64_t ResolveIntOrPercent(const Json& value, int64_t total, bool round_up);
// Bounds of a Deployment; outside of RollingUpdate both are zero.
RolloutBounds BoundsOf(const Json& deployment);

// One ReplicaSet in numbers.
struct ReplicaSetSize {
  int64_t replicas = 0;                  // wanted: spec
  int64_t available = 0;                 // status
  int64_t max_replicas_annotation = -1;  // deployment.kubernetes.io/max-replicas; -1: absent
  absl::Time created = absl::InfinitePast();
};

// How large the new ReplicaSet may be now, given all of them (the new one included).
int64_t NewReplicaSetTarget(const RolloutBounds& bounds, const ReplicaSetSize& new_set,
                            const std::vector<ReplicaSetSize>& all_sets);

// The sizes that the old ReplicaSets may be reduced to now; unhealthy pods go first, then oldest
// sets first.
std::vector<int64_t> OldReplicaSetTargets(const RolloutBounds& bounds,
                                          const ReplicaSetSize& new_set,
                                          const std::vector<ReplicaSetSize>& old_sets);

// Resizing in the middle of a rollout: every active set keeps its share. Same order as `sets`.
std::vector<int64_t> ProportionalTargets(const RolloutBounds& bounds, int64_t status_replicas,
                                         const std::vector<ReplicaSetSize>& sets);

}  // namespace pintle::client::controllers

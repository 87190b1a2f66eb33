// What a node's silence or word means for the node and its pods: conditions, taints, evictions.
//
// Pure. Source: kube-controller-manager, pkg/controller/nodelifecycle.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/controllers/plan.h"

namespace pintle::client::controllers {

inline constexpr std::string_view kTaintUnreachable = "node.kubernetes.io/unreachable";
inline constexpr std::string_view kTaintNotReady = "node.kubernetes.io/not-ready";

// The conditions of a node that has not been heard of: Ready and its kin become Unknown. Nothing if
// they are already.
std::optional<Json> ConditionsWhenSilent(const Json& node, absl::Time now);

// Taints as the node's Ready condition asks for: unreachable when Unknown, not-ready when False,
// neither when True; each with NoSchedule and NoExecute. Other taints are kept. Nothing if they are
// right already.
std::optional<Json> TaintsFor(const Json& node, absl::Time now);

// When a pod must leave a node with these taints: InfinitePast() now, InfiniteFuture() never.
// A pod that says nothing about unreachable/not-ready, or what admission says for it (300 s), stays
// `default_toleration`.
absl::Time EvictionTime(const Json& pod, const Json& node, absl::Duration default_toleration);

}  // namespace pintle::client::controllers

// What a ReplicaSet needs next: which pods to make, which to delete, and its status.
//
// Pure. Source: kube-controller-manager, pkg/controller/replicaset and controller_utils.go
// (ActivePodsWithRanks).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/controllers/plan.h"

namespace pintle::client::controllers {

struct ReplicaSetView {
  ObjectPtr set;
  std::vector<ObjectPtr> pods;  // active ones it controls
  // Active pods of sets with the same owner, by node: of two pods, the one in more company goes
  // first.
  std::map<std::string, int64_t> related_by_node;
  absl::Time now;
};

// How many pods to create (> 0) or delete (< 0), at most 500 at a time.
int64_t PodsMissing(const ReplicaSetView& view);

// Which pods to delete, `count` of them: unassigned before assigned, pending before running, not
// ready before ready, lower deletion cost, more company on the node, ready for less time, restarted
// more often, younger.
std::vector<ObjectPtr> PodsToDelete(const ReplicaSetView& view, size_t count);

// The pod that the set's template describes, named `<set>-<suffix>`.
Json PodFromTemplate(const Json& set, const std::string& suffix);

// `failure_reason` is FailedCreate or FailedDelete, or empty.
Json ReplicaSetStatus(const ReplicaSetView& view, const std::string& failure_reason,
                      const std::string& failure_message);

}  // namespace pintle::client::controllers

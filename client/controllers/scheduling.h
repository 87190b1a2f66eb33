// Where a pod goes: filters and one score over nodes and what already runs on them.
//
// Pure. Filters: unschedulable, Ready, nodeSelector and required node affinity, taints (NoSchedule,
// NoExecute), requests against allocatable, number of pods. Score: fewest pods of the same
// controller, then least loaded, then by name. Messages are kube-scheduler's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/json.h"

namespace pintle::client::controllers {

using ResourceAmounts = std::map<std::string, int64_t>;  // thousandths, by resource name

// What a pod asks for: the sum of its containers, or its largest init container if that is more.
ResourceAmounts PodRequests(const Json& pod);

struct NodeLoad {
  ObjectPtr node;
  ResourceAmounts requested;
  int64_t pods = 0;
  std::map<std::string, int64_t> pods_by_controller;  // by uid of the controlling owner

  void Add(const Json& pod);
};

struct Placement {
  std::string node;     // empty: nowhere
  std::string message;  // then: why, over all nodes
};

// Empty: the pod fits; else the reason, in kube-scheduler's words.
std::string WhyNot(const Json& pod, const ResourceAmounts& requests, const NodeLoad& node);
Placement PlacePod(const Json& pod, const std::vector<NodeLoad>& nodes);

}  // namespace pintle::client::controllers

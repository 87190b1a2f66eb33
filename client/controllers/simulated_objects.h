// The Node and the pod status that a simulated node shows. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "client/json.h"

namespace pintle::client::controllers {

inline constexpr std::string_view kSimulatedAnnotation = "pintle.dev/simulated";
inline constexpr std::string_view kSimulatedMessage =
    "simulated: this pod runs in name only, no process is behind it";

struct SimulatedNodeIdentity {
  std::string name;
  int index = 1;  // gives the node's and its pods' addresses
  std::string version;
};

Json SimulatedNode(const SimulatedNodeIdentity& identity, absl::Time now);
Json SimulatedNodeStatus(const SimulatedNodeIdentity& identity, const Json& current,
                         absl::Time now);
// The index that a node's podCIDR stands for; 0 when it has none of ours.
int IndexOfRange(const Json& node);
std::string NodeAddress(int index);
std::string PodAddress(int index, int host);  // host: 2 … 254

// Does the pod's status lack what a running pod has?
bool NeedsRunning(const Json& pod);
Json RunningStatus(const Json& pod, const std::string& node_address, const std::string& pod_address,
                   absl::Time now);

}  // namespace pintle::client::controllers

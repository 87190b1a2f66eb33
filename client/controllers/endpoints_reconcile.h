// The Endpoints that a Service should have, given the pods it selects.
//
// Pure. Addresses are sorted and subsets packed by port, so that equal input gives equal bytes.
// Source: kube-controller-manager, pkg/controller/endpoint.
#pragma once

#include <vector>

#include "client/json.h"

namespace pintle::client::controllers {

// Subsets (an array, perhaps empty) for pods that match the selector, in any order.
Json EndpointSubsets(const Json& service, const std::vector<ObjectPtr>& pods);

// The whole object: subsets and labels into `current`, or into a new one when null.
Json DesiredEndpoints(const Json& service, const std::vector<ObjectPtr>& pods, const Json& current);

}  // namespace pintle::client::controllers

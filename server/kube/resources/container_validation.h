// Checks of the containers of a pod spec; pod_spec_validation.cc calls them.
#pragma once

#include <set>
#include <string>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// What a container's checks need to know about the pod around it.
struct PodContext {
  std::set<std::string> volume_names;
  bool host_network = false;
  std::set<std::string> container_names;  // seen so far: init containers and containers share names
  std::set<std::string> host_ports;       // seen so far: "TCP/<host ip>/80"
};

void ValidateContainer(const Json& container, const std::string& field, PodContext& pod,
                       FieldErrors& errors);

}  // namespace pintle::server::kube

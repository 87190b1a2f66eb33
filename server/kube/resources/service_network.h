// Addresses and ports of a Service as defaults, updates and checks treat them. The allocation
// itself is the machinery's. Source: kube-api §12.4. Pure; any thread.
#pragma once

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

void SetServiceDefaults(Json& service);
// What a PUT left out but the service already has: cluster IP, node ports. What a change of type
// gives up.
void CarryOverServiceNetwork(Json& service, const Json& old);
void ValidateService(const Json& service, const Json* old, FieldErrors& errors);

}  // namespace pintle::server::kube

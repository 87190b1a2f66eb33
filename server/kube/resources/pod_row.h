// How a pod looks in a table: READY, STATUS, RESTARTS as kubectl users know them.
// Source: kube-api §14. Pure; any thread.
#pragma once

#include <vector>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

std::vector<Column> PodColumns();
std::vector<Json> PodCells(const Json& pod, absl::Time now);

}  // namespace pintle::server::kube

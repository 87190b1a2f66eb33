// The paths of the OpenAPI documents: which requests each row of the table answers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/kube/openapi/schema.h"
#include "server/kube/openapi/schema_json.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// "api/v1" or "apis/apps/v1".
std::string GroupVersionPath(const Resource& resource);

// Adds the row's paths, subresources included, to `paths`.
void AddResourcePaths(const Resource& resource, const Schema& schema, Dialect dialect,
                      nlohmann::json& paths);

}  // namespace pintle::server::kube

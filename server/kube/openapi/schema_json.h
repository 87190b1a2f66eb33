// Definitions as JSON Schema, in the two dialects that clients read.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "server/kube/openapi/schema.h"

namespace pintle::server::kube {

enum class Dialect { kSwagger2, kOpenApi3 };

// The definition that every PATCH body has: any JSON.
inline constexpr std::string_view kPatchDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

// {"$ref":"#/definitions/<name>"}, or components/schemas in OpenAPI 3.
nlohmann::json SchemaReference(std::string_view definition, Dialect dialect);

// `group_versions` are those served, as [{group,version}…]: DeleteOptions and WatchEvent belong to
// all of them.
nlohmann::json DefinitionSchema(const Definition& definition, Dialect dialect,
                                const nlohmann::json& group_versions);

// Times, quantities and the like, which are strings with a name of their own: name → schema.
nlohmann::json ScalarSchemas();

// Adds to `names` what the definition refers to, itself included.
void CollectReferences(const Definition& definition, std::set<std::string>& names);

}  // namespace pintle::server::kube

// Patches: a document that says how to change another (kube-api §9). Pure functions; any thread.
#pragma once

#include <string_view>

#include "server/kube/openapi/schema.h"
#include "server/kube/resources/resource.h"
#include "server/kube/status_error.h"

namespace pintle::server::kube {

enum class PatchType { kJson, kMerge, kStrategicMerge, kApply };

inline constexpr size_t kMaxJsonPatchOperations = 10'000;

// By Content-Type; 415 for anything else.
Result<PatchType> FindPatchType(std::string_view content_type);

// `document` changed by `patch`, already parsed. `definition` (of the document) is needed by
// kStrategicMerge and kApply; null there means that lists are replaced. Errors: 400 for what is no
// patch, 422 for what does not fit the document.
Result<Json> ApplyPatch(PatchType type, Json document, const Json& patch,
                        const Definition* definition);

// Strategic merge (strategic_merge.cc): apimachinery's strategicpatch, directives included.
Result<Json> StrategicMerge(Json document, const Json& patch, const Definition* definition);

}  // namespace pintle::server::kube

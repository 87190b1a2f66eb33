// DecodeObject: from JSON as a client sent it to JSON as the façade keeps it, by the schema.
//
// Purpose: the strictness of a typed API server without its types. Unknown fields are cut out and
// reported, wrong types are refused in Kubernetes' words, values with several spellings get the
// canonical one (quantities, times). Null means absent and is cut out. Raw parts (managedFields,
// ControllerRevision.data) are kept as they came. Threads: any; works in place; recursion is
// bounded by the depth limit.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/kube/openapi/schema.h"

namespace pintle::server::kube {

// Deepest nesting of a body: far above what any kind needs, far below what a stack stands.
inline constexpr int kMaxJsonDepth = 100;

// What fieldValidation=Warn|Strict talks about, in the order met: `unknown field "spec.bogus"`,
// `duplicate field "spec.replicas"`.
struct StrictProblems {
  std::vector<std::string> messages;
  // `strict decoding error: unknown field "a", unknown field "b"`: the detail of the 400 under
  // Strict.
  std::string StrictError() const;
};

// Text to JSON. Duplicate keys are reported (the last one wins, as in Go); depth is limited. An
// error's message is the detail for a 400 (`invalid character …`).
absl::StatusOr<nlohmann::json> ParseJsonBody(std::string_view text, StrictProblems* problems);

// The object at large is of type `definition`. The error is InvalidArgument; its message is what
// follows `Deployment in version "v1" cannot be handled as a Deployment: ` in the 400.
absl::Status DecodeObject(const Definition& definition, nlohmann::json& object,
                          StrictProblems* problems);

}  // namespace pintle::server::kube

// ObjectBody: from what a client sent to an object of the schema (kube-api §8, "decode").
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "server/kube/media.h"
#include "server/kube/openapi/schema.h"
#include "server/kube/write_options.h"

namespace pintle::server::kube {

// Which type a body must be of.
struct ExpectedType {
  std::string group, version, kind;
  const Definition* definition = nullptr;  // null: kept as it is
  std::string group_version() const { return group.empty() ? version : group + "/" + version; }
};
ExpectedType TypeOf(const Resource& resource, const Schema& schema);

// Checks kind and apiVersion (absent: filled in), cuts unknown fields, refuses wrong types. Under
// Strict, unknown and duplicate fields are a 400; under Warn they go to `warnings`. `problems` has
// what parsing already met.
Result<Json> DecodeAs(const ExpectedType& type, Json body, FieldValidation validation,
                      StrictProblems problems, std::vector<std::string>& warnings);

}  // namespace pintle::server::kube

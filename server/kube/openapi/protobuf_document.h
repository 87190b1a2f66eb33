// Swagger 2.0 as gnostic's protobuf message openapi.v2.Document, which is what kubectl downloads.
// Covers the parts of Swagger that document.cc writes; anything else in the JSON is left out.
// Source of the field numbers: gnostic, openapiv2/OpenAPIv2.proto (package openapi.v2).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace pintle::server::kube {

std::string EncodeSwagger(const nlohmann::json& document);

}  // namespace pintle::server::kube

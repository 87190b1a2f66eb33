// What the tests of kinds share: a row by its kind, an object as a client would send it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/kube/openapi/decode.h"
#include "server/kube/openapi/schema.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

inline const Resource& Row(std::string_view kind) {
  for (const Resource& row : AllResources()) {
    if (row.kind == kind) return row;
  }
  ADD_FAILURE() << "no row for " << kind;
  return AllResources().front();
}

// Parsed, decoded and defaulted, as the machinery does it before it looks closer.
inline Json Arrive(std::string_view kind, std::string_view text) {
  const Resource& row = Row(kind);
  Json object = Json::parse(text);
  const absl::Status status = DecodeObject(*BuiltInSchema().Find(row.definition), object, nullptr);
  EXPECT_TRUE(status.ok()) << std::string(status.message());
  row.set_defaults(object);
  return object;
}

// "field: message" of everything that validation finds.
inline std::vector<std::string> Problems(std::string_view kind, const Json& object,
                                         const Json* old = nullptr) {
  FieldErrors errors;
  Row(kind).validate(object, old, errors);
  std::vector<std::string> texts;
  for (const FieldError& error : errors) texts.push_back(error.field + ": " + error.message);
  return texts;
}

}  // namespace pintle::server::kube

#include "server/kube/openapi/document.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "server/kube/openapi/operations.h"
#include "server/kube/openapi/protobuf_document.h"
#include "server/kube/openapi/schema_json.h"

namespace pintle::server::kube {
namespace {

// Tells one text from another; nothing hangs on its strength.
std::string HashOf(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (uint64_t hash : {uint64_t{0xcbf29ce484222325}, uint64_t{0x84222325cbf29ce4}}) {
    for (const char c : bytes) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      hash ^= hash >> 29;
    }
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[(hash >> shift) & 15]);
  }
  return text;
}

OpenApiDocuments::Body MakeBody(std::string bytes) {
  OpenApiDocuments::Body body;
  body.hash = HashOf(bytes);
  body.bytes = std::move(bytes);
  return body;
}

Json Info(const std::string& version) { return {{"title", "Kubernetes"}, {"version", version}}; }

// [{group,version}…] of what is served, each once.
Json GroupVersions(std::span<const Resource> resources) {
  Json all = Json::array();
  for (const Resource& resource : resources) {
    const Json one = {{"group", resource.group}, {"version", resource.version}};
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
  return all;
}

}  // namespace

OpenApiDocuments::OpenApiDocuments(std::span<const Resource> resources, const Schema& schema,
                                   std::string version)
    : resources_(resources), schema_(schema), version_(std::move(version)) {}

Json OpenApiDocuments::MakeV2() const {
  Json document = {{"swagger", "2.0"}, {"info", Info(version_)}};
  const Json group_versions = GroupVersions(resources_);
  Json& definitions = document["definitions"] = ScalarSchemas();
  for (const Definition* definition : schema_.definitions()) {
    definitions[definition->name] =
        DefinitionSchema(*definition, Dialect::kSwagger2, group_versions);
  }
  Json& paths = document["paths"] = Json::object();
  for (const Resource& resource : resources_) {
    AddResourcePaths(resource, schema_, Dialect::kSwagger2, paths);
  }
  return document;
}

const OpenApiDocuments::Body& OpenApiDocuments::V2Json() {
  const std::lock_guard lock(mutex_);
  if (v2_json_.bytes.empty()) v2_json_ = MakeBody(MakeV2().dump());
  return v2_json_;
}

const OpenApiDocuments::Body& OpenApiDocuments::V2Protobuf() {
  const std::lock_guard lock(mutex_);
  if (v2_protobuf_.bytes.empty()) v2_protobuf_ = MakeBody(EncodeSwagger(MakeV2()));
  return v2_protobuf_;
}

Json OpenApiDocuments::MakeV3(const std::string& group_version_path) const {
  Json document = {{"openapi", "3.0.0"}, {"info", Info(version_)}};
  Json& paths = document["paths"] = Json::object();
  std::set<std::string> names = {std::string(kPatchDefinition)};
  const auto collect = [&](const Definition* definition) {
    if (definition != nullptr) CollectReferences(*definition, names);
  };
  collect(schema_.FindByKind("", "v1", "Status"));
  collect(schema_.FindByKind("", "v1", "DeleteOptions"));
  collect(schema_.FindByKind("", "v1", "WatchEvent"));
  for (const Resource& resource : resources_) {
    if (GroupVersionPath(resource) != group_version_path) continue;
    AddResourcePaths(resource, schema_, Dialect::kOpenApi3, paths);
    collect(schema_.Find(resource.definition));
    collect(schema_.Find(resource.definition + "List"));
    for (const Subresource& subresource : resource.subresources) {
      collect(schema_.FindByKind(subresource.group, subresource.version, subresource.kind));
    }
  }
  const Json group_versions = GroupVersions(resources_);
  const Json scalars = ScalarSchemas();
  Json& schemas = document["components"]["schemas"] = Json::object();
  for (const std::string& name : names) {
    const Definition* definition = schema_.Find(name);
    schemas[name] = definition == nullptr
                        ? scalars[name]
                        : DefinitionSchema(*definition, Dialect::kOpenApi3, group_versions);
  }
  return document;
}

void OpenApiDocuments::MakeAllV3() {
  if (!v3_.empty()) return;
  for (const Resource& resource : resources_) {
    std::string path = GroupVersionPath(resource);
    if (v3_.contains(path)) continue;
    Body body = MakeBody(MakeV3(path).dump());
    v3_.emplace(std::move(path), std::move(body));
  }
}

const OpenApiDocuments::Body& OpenApiDocuments::V3Index() {
  const std::lock_guard lock(mutex_);
  MakeAllV3();
  if (!v3_index_.bytes.empty()) return v3_index_;
  Json index = {{"paths", Json::object()}};
  for (const auto& [path, body] : v3_) {
    index["paths"][path]["serverRelativeURL"] = "/openapi/v3/" + path + "?hash=" + body.hash;
  }
  v3_index_ = MakeBody(index.dump());
  return v3_index_;
}

const OpenApiDocuments::Body* OpenApiDocuments::V3(std::string_view path) {
  const std::lock_guard lock(mutex_);
  MakeAllV3();
  const auto it = v3_.find(path);
  return it == v3_.end() ? nullptr : &it->second;
}

}  // namespace pintle::server::kube

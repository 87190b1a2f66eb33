#include "server/kube/openapi/schema_json.h"

#include <utility>

namespace pintle::server::kube {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kQuantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
constexpr std::string_view kIntOrString = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
constexpr std::string_view kTime = "io.k8s.apimachinery.pkg.apis.meta.v1.Time";
constexpr std::string_view kMicroTime = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";
constexpr std::string_view kRawExtension = "io.k8s.apimachinery.pkg.runtime.RawExtension";
constexpr std::string_view kFieldsV1 = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";

Json Typed(const char* type, const char* format = nullptr) {
  Json schema = {{"type", type}};
  if (format != nullptr) schema["format"] = format;
  return schema;
}

// The definition's name that a field refers to, or empty for what is written in place.
std::string_view ReferenceOf(const Field& field) {
  switch (field.kind) {
    case FieldKind::kObject:
      return field.definition->name;
    case FieldKind::kQuantity:
      return kQuantity;
    case FieldKind::kIntOrString:
      return kIntOrString;
    case FieldKind::kTime:
      return kTime;
    case FieldKind::kMicroTime:
      return kMicroTime;
    case FieldKind::kRaw:
      return field.name == "fieldsV1" ? kFieldsV1 : kRawExtension;
    default:
      return {};
  }
}

Json ElementSchema(const Field& field, Dialect dialect) {
  const std::string_view reference = ReferenceOf(field);
  if (!reference.empty()) return SchemaReference(reference, dialect);
  switch (field.kind) {
    case FieldKind::kInteger:
      return Typed("integer", field.bits == 32 ? "int32" : "int64");
    case FieldKind::kNumber:
      return Typed("number", "double");
    case FieldKind::kBoolean:
      return Typed("boolean");
    case FieldKind::kBytes:
      return Typed("string", "byte");
    default:
      return Typed("string");
  }
}

Json FieldSchema(const Field& field, Dialect dialect) {
  Json schema = ElementSchema(field, dialect);
  if (field.shape == FieldShape::kList) {
    schema = {{"type", "array"}, {"items", std::move(schema)}};
  } else if (field.shape == FieldShape::kMap) {
    schema = {{"type", "object"}, {"additionalProperties", std::move(schema)}};
  } else if (dialect == Dialect::kOpenApi3 && schema.contains("$ref")) {
    // OpenAPI 3 allows nothing beside a reference; the description needs the detour.
    schema = {{"allOf", Json::array({std::move(schema)})}};
  }
  if (!field.description.empty()) schema["description"] = field.description;
  if (!field.patch_strategy.empty()) schema["x-kubernetes-patch-strategy"] = field.patch_strategy;
  if (!field.merge_key.empty()) schema["x-kubernetes-patch-merge-key"] = field.merge_key;
  if (!field.list_type.empty()) schema["x-kubernetes-list-type"] = field.list_type;
  if (!field.list_map_keys.empty()) schema["x-kubernetes-list-map-keys"] = field.list_map_keys;
  if (!field.map_type.empty()) schema["x-kubernetes-map-type"] = field.map_type;
  return schema;
}

bool BelongsToAllGroups(const Definition& definition) {
  return definition.kind == "DeleteOptions" || definition.kind == "WatchEvent";
}

Json GroupVersionKinds(const Definition& definition, const Json& group_versions) {
  if (!BelongsToAllGroups(definition)) {
    return Json::array({{{"group", definition.group},
                         {"version", definition.version},
                         {"kind", definition.kind}}});
  }
  Json kinds = group_versions;
  for (Json& kind : kinds) kind["kind"] = definition.kind;
  return kinds;
}

}  // namespace

Json SchemaReference(std::string_view definition, Dialect dialect) {
  std::string target = dialect == Dialect::kSwagger2 ? "#/definitions/" : "#/components/schemas/";
  target += definition;
  return {{"$ref", std::move(target)}};
}

Json DefinitionSchema(const Definition& definition, Dialect dialect, const Json& group_versions) {
  Json schema = {{"type", "object"}};
  if (!definition.description.empty()) schema["description"] = definition.description;
  Json required = Json::array();
  for (const Field& field : definition.fields) {
    schema["properties"][field.name] = FieldSchema(field, dialect);
    if (field.required) required.push_back(field.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  if (!definition.map_type.empty()) schema["x-kubernetes-map-type"] = definition.map_type;
  if (!definition.kind.empty()) {
    schema["x-kubernetes-group-version-kind"] = GroupVersionKinds(definition, group_versions);
  }
  return schema;
}

Json ScalarSchemas() {
  Json schemas;
  const auto add = [&schemas](std::string_view name, Json schema, const char* description) {
    schema["description"] = description;
    schemas[std::string(name)] = std::move(schema);
  };
  add(kQuantity, Typed("string"),
      "A number with a unit, exact to a billionth: 500m, 2, 1.5Gi, 1e3. Suffixes: n u m k M G T P "
      "E, Ki Mi Gi Ti Pi "
      "Ei, and decimal exponents.");
  add(kIntOrString, Typed("string", "int-or-string"),
      "Either a whole number or a text such as 25% or the name of a port.");
  add(kTime, Typed("string", "date-time"), "A moment, RFC 3339, to the second.");
  add(kMicroTime, Typed("string", "date-time"), "A moment, RFC 3339, to the microsecond.");
  add(kRawExtension, Typed("object"), "Any JSON object, kept as it is.");
  add(kFieldsV1, Typed("object"), "A set of fields, as a tree of their names.");
  add(kPatchDefinition, Typed("object"),
      "The changes to make; their form is told by the Content-Type.");
  return schemas;
}

void CollectReferences(const Definition& definition, std::set<std::string>& names) {
  if (!names.insert(definition.name).second) return;
  for (const Field& field : definition.fields) {
    if (field.definition != nullptr) {
      CollectReferences(*field.definition, names);
    } else if (const std::string_view scalar = ReferenceOf(field); !scalar.empty()) {
      names.emplace(scalar);
    }
  }
}

}  // namespace pintle::server::kube

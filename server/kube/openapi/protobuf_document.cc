#include "server/kube/openapi/protobuf_document.h"

#include <string_view>

#include "base/byte_codec.h"

namespace pintle::server::kube {
namespace {

using base::AppendBytesField;
using base::AppendMessageField;
using base::AppendVarintField;
using Json = nlohmann::json;

void AppendText(std::string& out, uint32_t field, const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it != object.end() && it->is_string()) {
    AppendBytesField(out, field, it->get_ref<const std::string&>());
  }
}

void AppendTexts(std::string& out, uint32_t field, const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end()) return;
  for (const Json& text : *it) AppendMessageField(out, field, text.get_ref<const std::string&>());
}

void AppendFlag(std::string& out, uint32_t field, const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it != object.end() && it->is_boolean()) AppendVarintField(out, field, it->get<bool>());
}

// NamedX{1: name, 2: value}: how gnostic writes a map's entry.
void AppendNamed(std::string& out, uint32_t field, std::string_view name,
                 const std::string& value) {
  std::string entry;
  AppendBytesField(entry, 1, name);
  AppendMessageField(entry, 2, value);
  AppendMessageField(out, field, entry);
}

// Every x-… member as NamedAny{1: name, 2: Any{2: yaml}}; JSON is YAML.
void AppendExtensions(std::string& out, uint32_t field, const Json& object) {
  for (const auto& [name, value] : object.items()) {
    if (!name.starts_with("x-")) continue;
    std::string any;
    AppendBytesField(any, 2, value.dump() + "\n");
    AppendNamed(out, field, name, any);
  }
}

std::string EncodeSchema(const Json& schema) {
  std::string out;
  AppendText(out, 1, schema, "$ref");
  AppendText(out, 2, schema, "format");
  AppendText(out, 4, schema, "description");
  AppendTexts(out, 19, schema, "required");
  if (const auto it = schema.find("additionalProperties"); it != schema.end()) {
    std::string item;  // AdditionalPropertiesItem
    AppendMessageField(item, 1, EncodeSchema(*it));
    AppendMessageField(out, 21, item);
  }
  if (const auto it = schema.find("type"); it != schema.end()) {
    std::string type;  // TypeItem
    AppendBytesField(type, 1, it->get_ref<const std::string&>());
    AppendMessageField(out, 22, type);
  }
  if (const auto it = schema.find("items"); it != schema.end()) {
    std::string items;  // ItemsItem
    AppendMessageField(items, 1, EncodeSchema(*it));
    AppendMessageField(out, 23, items);
  }
  if (const auto it = schema.find("properties"); it != schema.end()) {
    std::string properties;
    for (const auto& [name, value] : it->items()) {
      AppendNamed(properties, 1, name, EncodeSchema(value));
    }
    AppendMessageField(out, 25, properties);
  }
  AppendExtensions(out, 31, schema);
  return out;
}

std::string EncodeBodyParameter(const Json& parameter) {
  std::string body;
  AppendText(body, 1, parameter, "description");
  AppendText(body, 2, parameter, "name");
  AppendText(body, 3, parameter, "in");
  AppendFlag(body, 4, parameter, "required");
  AppendMessageField(body, 5, EncodeSchema(parameter["schema"]));
  return body;
}

// QueryParameterSubSchema and PathParameterSubSchema differ by one field.
std::string EncodeSimpleParameter(const Json& parameter, bool query) {
  std::string out;
  AppendFlag(out, 1, parameter, "required");
  AppendText(out, 2, parameter, "in");
  AppendText(out, 3, parameter, "description");
  AppendText(out, 4, parameter, "name");
  AppendText(out, query ? 6 : 5, parameter, "type");
  AppendFlag(out, query ? 20 : 19, parameter, "uniqueItems");
  return out;
}

// ParametersItem{1: Parameter{1: body | 2: NonBodyParameter{3: query | 4: path}}}
std::string EncodeParameter(const Json& json) {
  std::string parameter;
  if (json["in"] == "body") {
    AppendMessageField(parameter, 1, EncodeBodyParameter(json));
  } else {
    const bool query = json["in"] == "query";
    std::string simple;
    AppendMessageField(simple, query ? 3 : 4, EncodeSimpleParameter(json, query));
    AppendMessageField(parameter, 2, simple);
  }
  std::string item;
  AppendMessageField(item, 1, parameter);
  return item;
}

void AppendParameters(std::string& out, uint32_t field, const Json& object) {
  const auto it = object.find("parameters");
  if (it == object.end()) return;
  for (const Json& parameter : *it) AppendMessageField(out, field, EncodeParameter(parameter));
}

// ResponseValue{1: Response{1: description, 2: SchemaItem{1: Schema}}}
std::string EncodeResponse(const Json& json) {
  std::string response;
  AppendText(response, 1, json, "description");
  if (const auto it = json.find("schema"); it != json.end()) {
    std::string item;
    AppendMessageField(item, 1, EncodeSchema(*it));
    AppendMessageField(response, 2, item);
  }
  std::string value;
  AppendMessageField(value, 1, response);
  return value;
}

std::string EncodeOperation(const Json& operation) {
  std::string out;
  AppendTexts(out, 1, operation, "tags");
  AppendText(out, 3, operation, "description");
  AppendText(out, 5, operation, "operationId");
  AppendTexts(out, 6, operation, "produces");
  AppendTexts(out, 7, operation, "consumes");
  AppendParameters(out, 8, operation);
  if (const auto it = operation.find("responses"); it != operation.end()) {
    std::string responses;
    for (const auto& [code, value] : it->items()) {
      AppendNamed(responses, 1, code, EncodeResponse(value));
    }
    AppendMessageField(out, 9, responses);
  }
  AppendTexts(out, 10, operation, "schemes");
  AppendExtensions(out, 13, operation);
  return out;
}

std::string EncodePathItem(const Json& path) {
  static constexpr std::pair<const char*, uint32_t> kMethods[] = {
      {"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}};
  std::string out;
  for (const auto& [method, field] : kMethods) {
    if (const auto it = path.find(method); it != path.end()) {
      AppendMessageField(out, field, EncodeOperation(*it));
    }
  }
  AppendParameters(out, 9, path);
  return out;
}

}  // namespace

std::string EncodeSwagger(const Json& document) {
  std::string out;
  AppendText(out, 1, document, "swagger");
  std::string info;
  AppendText(info, 1, document["info"], "title");
  AppendText(info, 2, document["info"], "version");
  AppendMessageField(out, 2, info);
  std::string paths;
  for (const auto& [name, path] : document["paths"].items()) {
    AppendNamed(paths, 2, name, EncodePathItem(path));
  }
  AppendMessageField(out, 8, paths);
  std::string definitions;
  for (const auto& [name, schema] : document["definitions"].items()) {
    AppendNamed(definitions, 1, name, EncodeSchema(schema));
  }
  AppendMessageField(out, 9, definitions);
  return out;
}

}  // namespace pintle::server::kube

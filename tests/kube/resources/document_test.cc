#include "server/kube/openapi/document.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "base/byte_codec.h"

namespace pintle::server::kube {
namespace {

OpenApiDocuments& Documents() {
  static OpenApiDocuments& documents =
      *new OpenApiDocuments(AllResources(), BuiltInSchema(), "v1.33.0");
  return documents;
}

// Every "$ref" anywhere below.
void CollectRefs(const Json& json, std::set<std::string>& refs) {
  if (json.is_object() && json.contains("$ref") && json["$ref"].is_string()) {
    refs.insert(json["$ref"].get<std::string>());
  }
  if (json.is_structured()) {
    for (const Json& child : json) CollectRefs(child, refs);
  }
}

void ExpectRefsResolve(const Json& document, const std::string& prefix, const Json& schemas) {
  std::set<std::string> refs;
  CollectRefs(document, refs);
  EXPECT_GT(refs.size(), 10U);
  for (const std::string& ref : refs) {
    ASSERT_TRUE(ref.starts_with(prefix)) << ref;
    EXPECT_TRUE(schemas.contains(ref.substr(prefix.size()))) << ref;
  }
}

bool HasQueryParameter(const Json& operation, std::string_view name) {
  for (const Json& parameter : operation["parameters"]) {
    if (parameter["name"] == name && parameter["in"] == "query") return true;
  }
  return false;
}

TEST(OpenApiV2, RefersOnlyToWhatItDefines) {
  const Json document = Json::parse(Documents().V2Json().bytes);
  EXPECT_EQ(document["swagger"], "2.0");
  ExpectRefsResolve(document, "#/definitions/", document["definitions"]);
}

TEST(OpenApiV2, TellsHowEachKindIsPatched) {
  const Json document = Json::parse(Documents().V2Json().bytes);
  for (const Resource& row : AllResources()) {
    const std::string base = (row.group.empty() ? "/api/v1/" : "/apis/" + row.group + "/v1/");
    const std::string path =
        base + (row.namespaced ? "namespaces/{namespace}/" : "") + row.plural + "/{name}";
    ASSERT_TRUE(document["paths"].contains(path)) << path;
    const Json& patch = document["paths"][path]["patch"];
    const Json kind = {{"group", row.group}, {"version", row.version}, {"kind", row.kind}};
    EXPECT_EQ(patch["x-kubernetes-group-version-kind"], kind);
    EXPECT_EQ(patch["x-kubernetes-action"], "patch");
    for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
      EXPECT_TRUE(HasQueryParameter(patch, name)) << path << " " << name;
    }
    EXPECT_EQ(document["definitions"][row.definition]["x-kubernetes-group-version-kind"],
              Json::array({kind}));
  }
}

TEST(OpenApiV2, CarriesMergeMetadata) {
  const Json document = Json::parse(Documents().V2Json().bytes);
  const Json& pod = document["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"];
  EXPECT_EQ(pod["volumes"]["x-kubernetes-patch-strategy"], "merge,retainKeys");
  EXPECT_EQ(pod["containers"]["x-kubernetes-patch-merge-key"], "name");
  EXPECT_EQ(pod["containers"]["x-kubernetes-list-map-keys"], Json::array({"name"}));
  const Json& spec = document["definitions"]["io.k8s.api.apps.v1.DeploymentSpec"];
  EXPECT_EQ(spec["required"], Json::array({"selector", "template"}));
}

// A decoder for what the tests look at: fields by number, names of a map's entries.
using base::ByteReader;
using base::NextField;
using base::WireField;

std::vector<std::string_view> Field(std::string_view message, uint32_t number) {
  std::vector<std::string_view> values;
  ByteReader reader(message);
  WireField field;
  while (NextField(reader, field)) {
    if (field.number == number) {
      EXPECT_EQ(field.wire_type, 2U);
      values.push_back(field.bytes);
    }
  }
  EXPECT_TRUE(reader.ok());
  return values;
}

std::map<std::string, std::string_view> Entries(std::string_view message, uint32_t number) {
  std::map<std::string, std::string_view> entries;
  for (std::string_view entry : Field(message, number)) {
    const auto names = Field(entry, 1);
    const auto values = Field(entry, 2);
    if (names.size() != 1 || values.size() != 1) {
      ADD_FAILURE() << "an entry has one name and one value";
      continue;
    }
    EXPECT_TRUE(entries.emplace(std::string(names[0]), values[0]).second) << names[0];
  }
  return entries;
}

// The same schema in both forms, compared from the root down.
void ExpectSameSchema(std::string_view message, const Json& json, const std::string& where) {
  const auto ref = Field(message, 1);
  EXPECT_EQ(ref.empty() ? "" : std::string(ref[0]), json.value("$ref", "")) << where;
  const auto format = Field(message, 2);
  EXPECT_EQ(format.empty() ? "" : std::string(format[0]), json.value("format", "")) << where;
  const auto type = Field(message, 22);
  EXPECT_EQ(type.empty() ? "" : std::string(Field(type[0], 1).at(0)), json.value("type", ""))
      << where;
  EXPECT_EQ(Field(message, 19).size(), json.value("required", Json::array()).size()) << where;
  const auto items = Field(message, 23);
  ASSERT_EQ(items.size(), json.contains("items") ? 1U : 0U) << where;
  if (!items.empty()) ExpectSameSchema(Field(items[0], 1).at(0), json["items"], where + "[]");
  const auto more = Field(message, 21);
  ASSERT_EQ(more.size(), json.contains("additionalProperties") ? 1U : 0U) << where;
  if (!more.empty()) {
    ExpectSameSchema(Field(more[0], 1).at(0), json["additionalProperties"], where + "{}");
  }
  const auto properties = Field(message, 25);
  ASSERT_EQ(properties.size(), json.contains("properties") ? 1U : 0U) << where;
  if (!properties.empty()) {
    const auto entries = Entries(properties[0], 1);
    EXPECT_EQ(entries.size(), json["properties"].size()) << where;
    for (const auto& [name, value] : entries) {
      ASSERT_TRUE(json["properties"].contains(name)) << where << "." << name;
      ExpectSameSchema(value, json["properties"][name], where + "." + name);
    }
  }
  for (const auto& [name, any] : Entries(message, 31)) {
    EXPECT_EQ(Json::parse(Field(any, 2).at(0)), json[name]) << where << " " << name;
  }
}

TEST(OpenApiV2Protobuf, SaysTheSameAsTheJson) {
  const Json json = Json::parse(Documents().V2Json().bytes);
  const std::string& bytes = Documents().V2Protobuf().bytes;
  ASSERT_EQ(Field(bytes, 1), std::vector<std::string_view>{"2.0"});
  const auto definitions = Entries(Field(bytes, 9).at(0), 1);
  ASSERT_EQ(definitions.size(), json["definitions"].size());
  for (const auto& [name, schema] : definitions) {
    ASSERT_TRUE(json["definitions"].contains(name)) << name;
    ExpectSameSchema(schema, json["definitions"][name], name);
  }
  const auto paths = Entries(Field(bytes, 8).at(0), 2);
  EXPECT_EQ(paths.size(), json["paths"].size());
}

TEST(OpenApiV2Protobuf, DeclaresDryRunWhereKubectlLooksForIt) {
  const auto paths = Entries(Field(Documents().V2Protobuf().bytes, 8).at(0), 2);
  const std::string_view patch =
      Field(paths.at("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"), 8).at(0);
  EXPECT_EQ(Json::parse(Field(Entries(patch, 13).at("x-kubernetes-group-version-kind"), 2).at(0)),
            (Json{{"group", "apps"}, {"version", "v1"}, {"kind", "Deployment"}}));
  std::set<std::string> names;
  for (std::string_view item : Field(patch, 8)) {
    for (std::string_view other : Field(Field(item, 1).at(0), 2)) {
      for (std::string_view query : Field(other, 3)) {
        names.insert(std::string(Field(query, 4).at(0)));
      }
    }
  }
  EXPECT_TRUE(names.contains("dryRun"));
  EXPECT_TRUE(names.contains("fieldValidation"));
}

TEST(OpenApiV3, HasADocumentForEachGroupVersion) {
  const Json index = Json::parse(Documents().V3Index().bytes);
  std::set<std::string> served;
  for (const Resource& row : AllResources()) {
    served.insert(row.group.empty() ? "api/v1" : "apis/" + row.group + "/v1");
  }
  ASSERT_EQ(index["paths"].size(), served.size());
  for (const std::string& path : served) {
    const OpenApiDocuments::Body* body = Documents().V3(path);
    ASSERT_NE(body, nullptr) << path;
    EXPECT_EQ(index["paths"][path]["serverRelativeURL"],
              "/openapi/v3/" + path + "?hash=" + body->hash);
    const Json document = Json::parse(body->bytes);
    ExpectRefsResolve(document, "#/components/schemas/", document["components"]["schemas"]);
  }
  EXPECT_EQ(Documents().V3("apis/nosuch/v1"), nullptr);
}

TEST(OpenApiV3, DeclaresFieldValidation) {
  const Json document = Json::parse(Documents().V3("apis/apps/v1")->bytes);
  const Json& path = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
  EXPECT_TRUE(HasQueryParameter(path["patch"], "fieldValidation"));
}

TEST(OpenApiDocuments, HashesTellBodiesApart) {
  EXPECT_NE(Documents().V2Json().hash, Documents().V2Protobuf().hash);
  EXPECT_EQ(Documents().V2Json().hash.size(), 32U);
  OpenApiDocuments again(AllResources(), BuiltInSchema(), "v1.33.0");
  EXPECT_EQ(again.V2Json().hash, Documents().V2Json().hash);
}

}  // namespace
}  // namespace pintle::server::kube

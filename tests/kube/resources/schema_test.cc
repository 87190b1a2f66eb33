#include "server/kube/openapi/schema.h"

#include <gtest/gtest.h>

#include "server/kube/openapi/definition_texts.h"
#include "server/kube/resources/resource.h"

namespace pintle::server::kube {
namespace {

TEST(BuiltInSchema, IsWellFormed) {
  const absl::StatusOr<Schema> schema = Schema::Parse(DefinitionTexts());
  ASSERT_TRUE(schema.ok()) << std::string(schema.status().message());
  for (const Definition* definition : schema->definitions()) {
    for (const Field& field : definition->fields) {
      const std::string where = definition->name + "." + field.name;
      EXPECT_EQ(field.kind == FieldKind::kObject, field.definition != nullptr) << where;
      if (!field.merge_key.empty()) {
        ASSERT_NE(field.definition, nullptr) << where;
        EXPECT_NE(field.definition->FindField(field.merge_key), nullptr) << where;
        EXPECT_TRUE(field.merges()) << where;
      }
      for (const std::string& key : field.list_map_keys) {
        EXPECT_NE(field.definition->FindField(key), nullptr) << where;
      }
    }
  }
}

TEST(BuiltInSchema, SaysWhatEverythingIs) {
  for (const Definition* definition : BuiltInSchema().definitions()) {
    EXPECT_FALSE(definition->description.empty()) << definition->name;
    for (const Field& field : definition->fields) {
      EXPECT_FALSE(field.description.empty()) << definition->name << "." << field.name;
    }
  }
}

TEST(BuiltInSchema, KnowsEveryRow) {
  for (const Resource& row : AllResources()) {
    const Definition* definition = BuiltInSchema().Find(row.definition);
    ASSERT_NE(definition, nullptr) << row.definition;
    EXPECT_EQ(definition->kind, row.kind);
    EXPECT_EQ(BuiltInSchema().FindByKind(row.group, row.version, row.kind), definition);
    EXPECT_NE(BuiltInSchema().FindByKind(row.group, row.version, row.kind + "List"), nullptr);
    for (const Subresource& subresource : row.subresources) {
      if (subresource.kind.empty()) continue;
      EXPECT_NE(
          BuiltInSchema().FindByKind(subresource.group, subresource.version, subresource.kind),
          nullptr)
          << subresource.kind;
    }
  }
}

TEST(MergeRules, AreThoseOfKubernetes) {
  const struct {
    const char* definition;
    const char* field;
    bool merge_list;
    bool retain_keys;
    const char* key;
  } kCases[] = {
      {"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "ownerReferences", true, false, "uid"},
      {"io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers", true, false, ""},
      {"io.k8s.api.core.v1.PodSpec", "containers", true, false, "name"},
      {"io.k8s.api.core.v1.PodSpec", "volumes", true, true, "name"},
      {"io.k8s.api.core.v1.PodSpec", "tolerations", false, false, ""},
      {"io.k8s.api.core.v1.PodSpec", "hostAliases", true, false, "ip"},
      {"io.k8s.api.core.v1.PodSpec", "topologySpreadConstraints", true, false, "topologyKey"},
      {"io.k8s.api.core.v1.Container", "ports", true, false, "containerPort"},
      {"io.k8s.api.core.v1.Container", "env", true, false, "name"},
      {"io.k8s.api.core.v1.Container", "volumeMounts", true, false, "mountPath"},
      {"io.k8s.api.core.v1.Container", "args", false, false, ""},
      {"io.k8s.api.core.v1.ServiceSpec", "ports", true, false, "port"},
      {"io.k8s.api.core.v1.ServiceAccount", "secrets", true, false, "name"},
      {"io.k8s.api.core.v1.NodeSpec", "podCIDRs", true, false, ""},
      {"io.k8s.api.core.v1.NodeSpec", "taints", false, false, ""},
      {"io.k8s.api.core.v1.NodeStatus", "addresses", true, false, "type"},
      {"io.k8s.api.core.v1.PodStatus", "conditions", true, false, "type"},
      {"io.k8s.api.core.v1.Endpoints", "subsets", false, false, ""},
      {"io.k8s.api.apps.v1.DeploymentSpec", "strategy", false, true, ""},
      {"io.k8s.api.apps.v1.DeploymentStatus", "conditions", true, false, "type"},
  };
  for (const auto& test : kCases) {
    const Definition* definition = BuiltInSchema().Find(test.definition);
    ASSERT_NE(definition, nullptr) << test.definition;
    ASSERT_NE(definition->FindField(test.field), nullptr) << test.field;
    const MergeRule rule = FindMergeRule(definition, test.field);
    EXPECT_EQ(rule.merge_list, test.merge_list) << test.definition << "." << test.field;
    EXPECT_EQ(rule.retain_keys, test.retain_keys) << test.definition << "." << test.field;
    EXPECT_EQ(rule.merge_key, test.key) << test.definition << "." << test.field;
  }
  EXPECT_EQ(FindMergeRule(nullptr, "spec").element, nullptr);
  EXPECT_EQ(FindMergeRule(BuiltInSchema().Find("io.k8s.api.core.v1.Pod"), "nosuch").element,
            nullptr);
}

TEST(SchemaText, IsRefusedWithItsLine) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"nonsense\n", "line 1 of package : neither package, type nor field: nonsense"},
      {"package a.b.v1 - v1\n  field string\n",
       "line 2 of package a.b.v1: a field has a type: field"},
      {"package a.b.v1 - v1\ntype T\n  f []\n", "line 3 of package a.b.v1: no such type: "},
      {"package a.b.v1 - v1\ntype T\n  f string wild=1\n",
       "line 3 of package a.b.v1: unknown attribute: wild=1"},
      {"package a.b.v1 - v1\ntype T\ntype T\n", "line 3 of package a.b.v1: defined twice: T"},
      {"package a.b.v1 - v1\ntype T\n  f Missing\n", "no such definition: b.Missing"},
      {"package a.b.v1 - v1\ntype T\n  f string\n  f bool\n", "field defined twice: f"},
  };
  for (const auto& test : kCases) {
    const absl::StatusOr<Schema> schema = Schema::Parse({test.text});
    ASSERT_FALSE(schema.ok()) << test.text;
    EXPECT_EQ(std::string(schema.status().message()), test.message);
  }
}

}  // namespace
}  // namespace pintle::server::kube

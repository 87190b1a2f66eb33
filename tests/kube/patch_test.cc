#include "server/kube/patch.h"

#include <gtest/gtest.h>

#include "server/kube/openapi/schema.h"

namespace pintle::server::kube {
namespace {

const Definition* PodType() { return BuiltInSchema().Find("io.k8s.api.core.v1.Pod"); }

// What a strategic merge makes of a pod's spec.
Json MergeSpec(const char* spec, const char* patch) {
  Result<Json> merged =
      StrategicMerge({{"spec", Json::parse(spec)}}, {{"spec", Json::parse(patch)}}, PodType());
  if (!merged.ok()) return merged.error().message;
  return (*merged)["spec"];
}

TEST(FindPatchType, KnowsFourTypes) {
  EXPECT_EQ(*FindPatchType("application/json-patch+json"), PatchType::kJson);
  EXPECT_EQ(*FindPatchType("application/merge-patch+json; charset=utf-8"), PatchType::kMerge);
  EXPECT_EQ(*FindPatchType("application/strategic-merge-patch+json"), PatchType::kStrategicMerge);
  EXPECT_EQ(*FindPatchType("application/apply-patch+yaml"), PatchType::kApply);
  EXPECT_EQ(FindPatchType("application/json").error().code, 415);
  EXPECT_EQ(FindPatchType("").error().message, "415: Unsupported Media Type");
}

TEST(JsonPatch, AppliesOrRefuses) {
  const Json document = {{"a", 1}, {"list", {1, 2}}};
  const Json patch = Json::parse(R"([{"op":"test","path":"/a","value":1},
      {"op":"replace","path":"/a","value":2},{"op":"add","path":"/list/-","value":3}])");
  Result<Json> patched = ApplyPatch(PatchType::kJson, document, patch, nullptr);
  ASSERT_TRUE(patched.ok());
  EXPECT_EQ(*patched, Json::parse(R"({"a":2,"list":[1,2,3]})"));
  for (const char* bad :
       {R"([{"op":"remove","path":"/nothing"}])", R"([{"op":"test","path":"/a","value":9}])",
        R"([{"op":"replace","path":"/x/y","value":1}])", R"([{"op":"fly","path":"/a"}])"}) {
    Result<Json> refused = ApplyPatch(PatchType::kJson, document, Json::parse(bad), nullptr);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code, 422) << bad;
    EXPECT_EQ(refused.error().message,
              "the server rejected our request due to an error in our request");
  }
  EXPECT_EQ(ApplyPatch(PatchType::kJson, document, Json::object(), nullptr).error().code, 400);
  Json many = Json::array();
  for (size_t i = 0; i <= kMaxJsonPatchOperations; ++i)
    many.push_back({{"op", "test"}, {"path", "/a"}, {"value", 1}});
  EXPECT_EQ(ApplyPatch(PatchType::kJson, document, many, nullptr).error().code, 413);
}

TEST(MergePatch, NullDeletesAndListsAreReplaced) {
  Result<Json> patched =
      ApplyPatch(PatchType::kMerge, Json::parse(R"({"a":{"b":1,"c":2},"l":[1]})"),
                 Json::parse(R"({"a":{"b":null,"d":3},"l":[2,3]})"), nullptr);
  EXPECT_EQ(*patched, Json::parse(R"({"a":{"c":2,"d":3},"l":[2,3]})"));
}

struct MergeCase {
  const char* what;
  const char* original;
  const char* patch;
  const char* expected;
};

class StrategicMergeTest : public ::testing::TestWithParam<MergeCase> {};

TEST_P(StrategicMergeTest, Merges) {
  const MergeCase& c = GetParam();
  EXPECT_EQ(MergeSpec(c.original, c.patch), Json::parse(c.expected)) << c.what;
}

INSTANTIATE_TEST_SUITE_P(
    Directives, StrategicMergeTest,
    ::testing::Values(
        MergeCase{"maps merge", R"({"nodeSelector":{"a":"1","b":"2"}})",
                  R"({"nodeSelector":{"a":null,"c":"3"}})",
                  R"({"nodeSelector":{"b":"2","c":"3"}})"},
        MergeCase{"items merge by key",
                  R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]})",
                  R"({"containers":[{"name":"b","image":"3"}]})",
                  R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"}]})"},
        MergeCase{"nested lists merge by their own key",
                  R"({"containers":[{"name":"a","env":[{"name":"X","value":"1"}]}]})",
                  R"({"containers":[{"name":"a","env":[{"name":"X","value":"2"}]}]})",
                  R"({"containers":[{"name":"a","env":[{"name":"X","value":"2"}]}]})"},
        MergeCase{"item deletion", R"({"containers":[{"name":"a"},{"name":"b"}]})",
                  R"({"containers":[{"$patch":"delete","name":"a"}]})",
                  R"({"containers":[{"name":"b"}]})"},
        MergeCase{"list replacement", R"({"containers":[{"name":"a"},{"name":"b"}]})",
                  R"({"containers":[{"$patch":"replace"},{"name":"c"}]})",
                  R"({"containers":[{"name":"c"}]})"},
        MergeCase{"explicit merge", R"({"containers":[{"name":"a","image":"1"}]})",
                  R"({"containers":[{"$patch":"merge","name":"a","tty":true}]})",
                  R"({"containers":[{"name":"a","image":"1","tty":true}]})"},
        MergeCase{"map replacement", R"({"securityContext":{"runAsUser":1,"fsGroup":2}})",
                  R"({"securityContext":{"$patch":"replace","runAsUser":3}})",
                  R"({"securityContext":{"runAsUser":3}})"},
        MergeCase{"map deletion", R"({"securityContext":{"runAsUser":1}})",
                  R"({"securityContext":{"$patch":"delete"}})", R"({"securityContext":{}})"},
        MergeCase{"order directive", R"({"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]})",
                  R"({"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],
                      "containers":[{"name":"a","image":"x"}]})",
                  R"({"containers":[{"name":"b"},{"name":"c"},{"name":"a","image":"x"}]})"},
        MergeCase{"order directive appends", R"({"containers":[{"name":"a"}]})",
                  R"({"$setElementOrder/containers":[{"name":"a"},{"name":"n"}],
                      "containers":[{"name":"n","image":"x"}]})",
                  R"({"containers":[{"name":"a"},{"name":"n","image":"x"}]})"},
        MergeCase{"order directive and deletion", R"({"containers":[{"name":"a"},{"name":"b"}]})",
                  R"({"$setElementOrder/containers":[{"name":"b"}],
                      "containers":[{"$patch":"delete","name":"a"}]})",
                  R"({"containers":[{"name":"b"}]})"},
        MergeCase{"kept keys", R"({"volumes":[{"name":"v","emptyDir":{}}]})",
                  R"({"volumes":[{"$retainKeys":["name","hostPath"],"name":"v",
                      "hostPath":{"path":"/x"}}]})",
                  R"({"volumes":[{"name":"v","hostPath":{"path":"/x"}}]})"},
        MergeCase{"lists without a merge key are replaced", R"({"tolerations":[{"key":"a"}]})",
                  R"({"tolerations":[{"key":"b"}]})", R"({"tolerations":[{"key":"b"}]})"},
        MergeCase{"new values lose nulls and directives", R"({})",
                  R"({"containers":[{"name":"n","image":null,"$retainKeys":["name"]}]})",
                  R"({"containers":[{"name":"n"}]})"}));

TEST(StrategicMerge, PrimitiveLists) {
  const Json pod = {{"metadata", {{"finalizers", {"a", "b"}}}}};
  Result<Json> added =
      StrategicMerge(pod, Json::parse(R"({"metadata":{"finalizers":["c","a"]}})"), PodType());
  ASSERT_TRUE(added.ok());
  Json finalizers = (*added)["metadata"]["finalizers"];
  std::sort(finalizers.begin(), finalizers.end());
  EXPECT_EQ(finalizers, Json({"a", "b", "c"}));
  Result<Json> removed = StrategicMerge(
      pod, Json::parse(R"({"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}})"), PodType());
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ((*removed)["metadata"]["finalizers"], Json::array({"b"}));
}

TEST(StrategicMerge, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(MergeSpec(R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"x"}]})")
                  .is_string());
  EXPECT_TRUE(MergeSpec(R"({"containers":[{"name":"a"}]})",
                        R"({"containers":[{"$patch":"fly","name":"a"}]})")
                  .is_string());
  EXPECT_TRUE(MergeSpec(R"({"containers":[{"name":"a"}]})",
                        R"({"$setElementOrder/containers":[{"name":"a"}],
                            "containers":[{"name":"b"}]})")
                  .is_string());
}

}  // namespace
}  // namespace pintle::server::kube

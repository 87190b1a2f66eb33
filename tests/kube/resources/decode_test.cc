#include "server/kube/openapi/decode.h"

#include <gtest/gtest.h>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {
namespace {

const Definition& Find(std::string_view kind) {
  for (const Resource& row : AllResources()) {
    if (row.kind == kind) return *BuiltInSchema().Find(row.definition);
  }
  ADD_FAILURE() << "no kind " << kind;
  return *BuiltInSchema().definitions().front();
}

TEST(DecodeObject, SaysWhatIsWrongAsGoDoes) {
  constexpr const char* kQuantity =
      "quantities must match the regular expression "
      "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const struct {
    const char* kind;
    const char* text;
    std::string message;
  } kCases[] = {
      {"ConfigMap", R"([])", "json: cannot unmarshal array into Go value of type v1.ConfigMap"},
      {"Deployment", R"({"spec":{"replicas":"three"}})",
       "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type "
       "int32"},
      {"Deployment", R"({"spec":{"replicas":1.5}})",
       "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of "
       "type int32"},
      {"Deployment", R"({"spec":{"replicas":3000000000}})",
       "json: cannot unmarshal number 3000000000 into Go struct field "
       "DeploymentSpec.spec.replicas of type int32"},
      {"Deployment", R"({"spec":{"paused":"yes"}})",
       "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type "
       "bool"},
      {"Deployment", R"({"spec":[]})",
       "json: cannot unmarshal array into Go struct field Deployment.spec of type "
       "v1.DeploymentSpec"},
      {"Pod", R"({"spec":{"containers":{}}})",
       "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type "
       "[]v1.Container"},
      {"Pod", R"({"spec":{"containers":[{"args":[1]}]}})",
       "json: cannot unmarshal number into Go struct field Container.spec.containers.args of type "
       "string"},
      {"ConfigMap", R"({"data":{"a":5}})",
       "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
      {"ConfigMap", R"({"data":"a"})",
       "json: cannot unmarshal string into Go struct field ConfigMap.data of type "
       "map[string]string"},
      {"Secret", R"({"data":{"a":"%%%"}})", "illegal base64 data at input byte 0"},
      {"Secret", R"({"data":{"a":"YWJ"}})", "illegal base64 data at input byte 3"},
      {"Node", R"({"status":{"capacity":{"cpu":"lots"}}})", kQuantity},
      {"Service", R"({"spec":{"ports":[{"targetPort":true}]}})",
       "json: cannot unmarshal bool into Go value of type int32"},
      {"Lease", R"({"spec":{"renewTime":"2024-01-02T03:04:05Z"}})",
       "parsing time \"2024-01-02T03:04:05Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot "
       "parse \"Z\" as \".000000\""},
      {"Pod", R"({"metadata":{"creationTimestamp":"yesterday"}})",
       "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as "
       "\"2006\""},
      {"Pod", R"({"metadata":{"creationTimestamp":"2024-13-02T03:04:05Z"}})",
       "parsing time \"2024-13-02T03:04:05Z\": month out of range"},
  };
  for (const auto& test : kCases) {
    nlohmann::json object = nlohmann::json::parse(test.text);
    const absl::Status status = DecodeObject(Find(test.kind), object, nullptr);
    ASSERT_FALSE(status.ok()) << test.text;
    EXPECT_EQ(std::string(status.message()), test.message) << test.text;
  }
}

TEST(DecodeObject, MakesValuesCanonical) {
  const struct {
    const char* kind;
    const char* given;
    const char* kept;
  } kCases[] = {
      {"Pod", R"({"spec":{"containers":[{"resources":{"limits":{"cpu":1,"memory":"1024Mi"}}}]}})",
       R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]}})"},
      {"Pod", R"({"metadata":{"name":"a","labels":null},"spec":null})",
       R"({"metadata":{"name":"a"}})"},
      {"Pod", R"({"metadata":{"creationTimestamp":"2024-01-02T05:04:05.75+02:00"}})",
       R"({"metadata":{"creationTimestamp":"2024-01-02T03:04:05Z"}})"},
      {"Lease", R"({"spec":{"renewTime":"2024-01-02T05:04:05.012345+02:00"}})",
       R"({"spec":{"renewTime":"2024-01-02T03:04:05.012345Z"}})"},
      {"Secret", R"({"data":{"a":"YWJj\nZA=="}})", R"({"data":{"a":"YWJjZA=="}})"},
      {"ConfigMap", R"({"data":{"a":null}})", R"({"data":{"a":""}})"},
      {"ControllerRevision", R"({"data":{"any":[{"thing":null}]}})",
       R"({"data":{"any":[{"thing":null}]}})"},
      {"Deployment",
       R"({"spec":{"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":"5%"}}}})",
       R"({"spec":{"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":"5%"}}}})"},
  };
  for (const auto& test : kCases) {
    nlohmann::json object = nlohmann::json::parse(test.given);
    const absl::Status status = DecodeObject(Find(test.kind), object, nullptr);
    ASSERT_TRUE(status.ok()) << std::string(status.message());
    EXPECT_EQ(object, nlohmann::json::parse(test.kept)) << object.dump();
  }
}

TEST(DecodeObject, CutsOutAndReportsUnknownFields) {
  nlohmann::json object = nlohmann::json::parse(R"({
    "kind": "Pod", "bogus": 1, "metadata": {"name": "a", "labels": {"free": "x"}},
    "spec": {"containers": [{"name": "c"}, {"name": "d", "imgae": "x", "Name": "case"}]}})");
  StrictProblems problems;
  ASSERT_TRUE(DecodeObject(Find("Pod"), object, &problems).ok());
  EXPECT_EQ(problems.StrictError(),
            "strict decoding error: unknown field \"bogus\", unknown field "
            "\"spec.containers[1].Name\", unknown field \"spec.containers[1].imgae\"");
  EXPECT_EQ(object, nlohmann::json::parse(R"({
    "kind": "Pod", "metadata": {"name": "a", "labels": {"free": "x"}},
    "spec": {"containers": [{"name": "c"}, {"name": "d"}]}})"));
}

TEST(ParseJsonBody, ReportsDuplicatesWithTheirPath) {
  StrictProblems problems;
  const auto json = ParseJsonBody(
      R"({"spec":{"replicas":1,"replicas":2,"list":[{"a":1},{"a":1,"a":2}]}})", &problems);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["spec"]["replicas"], 2);
  EXPECT_EQ(problems.messages, (std::vector<std::string>{"duplicate field \"spec.replicas\"",
                                                         "duplicate field \"spec.list[1].a\""}));
}

TEST(ParseJsonBody, RefusesWhatIsNotJson) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {{"", "unexpected end of JSON input"},
                {"{\"a\":", "unexpected end of JSON input"},
                {"{\"a\":b}", "invalid character 'b' looking for beginning of value"}};
  for (const auto& test : kCases) {
    const auto json = ParseJsonBody(test.text, nullptr);
    ASSERT_FALSE(json.ok()) << test.text;
    EXPECT_EQ(std::string(json.status().message()), test.message);
  }
  const std::string deep = std::string(1'000'000, '[');
  const auto json = ParseJsonBody(deep, nullptr);
  ASSERT_FALSE(json.ok());
  EXPECT_EQ(std::string(json.status().message()), "exceeded max depth");
  const std::string bearable = std::string(99, '[') + std::string(99, ']');
  EXPECT_TRUE(ParseJsonBody(bearable, nullptr).ok());
}

}  // namespace
}  // namespace pintle::server::kube

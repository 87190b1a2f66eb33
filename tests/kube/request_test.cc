#include "server/kube/request.h"

#include <gtest/gtest.h>

#include "server/kube/list_options.h"
#include "server/kube/media.h"
#include "server/kube/resources/field_error.h"

namespace pintle::server::kube {
namespace {

// "verb resource[/sub] namespace name", or the refusal's code.
std::string Route(const char* method, const char* path, const char* query = "") {
  net::HttpRequest request;
  request.method = method;
  request.query = query;
  const std::string_view whole = path;
  const bool core = whole.starts_with("/api/v1/");
  const std::string_view rest = whole.substr(core ? 8 : std::string_view("/apis/apps/v1/").size());
  Result<RequestInfo> info = ParseResourceRequest(core ? "" : "apps", "v1", rest, request);
  if (!info.ok()) return StrCat(info.error().code);
  constexpr const char* kVerbs[] = {"get",    "list",  "watch",  "create",
                                    "update", "patch", "delete", "deletecollection"};
  std::string text = StrCat(kVerbs[static_cast<int>(info->verb)], " ", info->resource->plural);
  if (info->subresource != nullptr) StrAppend(&text, "/", info->subresource->name);
  if (!info->name_space.empty()) StrAppend(&text, " ", info->name_space);
  if (!info->name.empty()) StrAppend(&text, " ", info->name);
  return text;
}

TEST(Routing, FollowsTheTable) {
  EXPECT_EQ(Route("GET", "/api/v1/pods"), "list pods");
  EXPECT_EQ(Route("GET", "/api/v1/pods", "watch=true"), "watch pods");
  EXPECT_EQ(Route("GET", "/api/v1/pods", "watch=1"), "watch pods");
  EXPECT_EQ(Route("GET", "/api/v1/pods", "watch=false"), "list pods");
  EXPECT_EQ(Route("GET", "/api/v1/watch/pods"), "watch pods");
  EXPECT_EQ(Route("GET", "/api/v1/watch/namespaces/a/pods"), "watch pods a");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/pods/"), "list pods a");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/pods/p"), "get pods a p");
  EXPECT_EQ(Route("PUT", "/api/v1/namespaces/a/pods/p/status"), "update pods/status a p");
  EXPECT_EQ(Route("POST", "/api/v1/namespaces/a/pods"), "create pods a");
  EXPECT_EQ(Route("POST", "/api/v1/namespaces/a/pods/p/binding"), "create pods/binding a p");
  EXPECT_EQ(Route("PATCH", "/api/v1/namespaces/a/pods/p"), "patch pods a p");
  EXPECT_EQ(Route("DELETE", "/api/v1/namespaces/a/pods/p"), "delete pods a p");
  EXPECT_EQ(Route("DELETE", "/api/v1/namespaces/a/pods"), "deletecollection pods a");
  EXPECT_EQ(Route("GET", "/apis/apps/v1/namespaces/a/deployments/d/scale"),
            "get deployments/scale a d");
}

TEST(Routing, NamespacesAreObjectsToo) {
  EXPECT_EQ(Route("GET", "/api/v1/namespaces"), "list namespaces");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a"), "get namespaces a");
  EXPECT_EQ(Route("PUT", "/api/v1/namespaces/a/finalize"), "update namespaces/finalize a");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/status"), "get namespaces/status a");
  EXPECT_EQ(Route("DELETE", "/api/v1/namespaces/a"), "delete namespaces a");
}

TEST(Routing, Refuses) {
  EXPECT_EQ(Route("GET", "/api/v1/gadgets"), "404");
  EXPECT_EQ(Route("GET", "/api/v1/pods/p"), "404");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/nodes"), "404");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/pods/p/nothing"), "404");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/a/pods/p/status/x"), "404");
  EXPECT_EQ(Route("POST", "/api/v1/pods"), "405");
  EXPECT_EQ(Route("DELETE", "/api/v1/pods"), "405");
  EXPECT_EQ(Route("DELETE", "/api/v1/namespaces"), "405");
  EXPECT_EQ(Route("DELETE", "/api/v1/namespaces/a/services"), "405");
  EXPECT_EQ(Route("HEAD", "/api/v1/pods"), "405");
  EXPECT_EQ(Route("POST", "/api/v1/namespaces/a/pods/p"), "405");
  EXPECT_EQ(Route("POST", "/apis/apps/v1/namespaces/a/deployments/d/scale"), "405");
  EXPECT_EQ(Route("GET", "/api/v1/namespaces/%zz/pods"), "400");
}

TEST(QueryParameters, ReadAsGoDoes) {
  const QueryParameters query = QueryParameters::Parse("a=x%20y+z&b&c=0&d=False&n=12&bad=%zz");
  EXPECT_EQ(query.Get("a"), "x y z");
  EXPECT_TRUE(query.Flag("b"));
  EXPECT_FALSE(query.Flag("c"));
  EXPECT_FALSE(query.Flag("d"));
  EXPECT_EQ(**query.Integer("n"), 12);
  EXPECT_FALSE(query.Integer("absent")->has_value());
  EXPECT_EQ(query.Integer("a").error().message,
            "strconv.ParseInt: parsing \"x y z\": invalid syntax");
  EXPECT_FALSE(query.Has("bad"));
}

Result<ResponseForm> Form(const char* accept, const char* query = "") {
  net::HttpRequest request;
  if (*accept != 0) request.headers.Add("accept", accept);
  return NegotiateForm(request, QueryParameters::Parse(query));
}

TEST(Media, NegotiatesTheFirstFormThatIsServed) {
  EXPECT_EQ(Form("")->transform, Transform::kNone);
  EXPECT_EQ(Form("application/vnd.kubernetes.protobuf,application/json")->transform,
            Transform::kNone);
  EXPECT_EQ(Form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json")->transform,
            Transform::kTable);
  EXPECT_EQ(Form("application/json;as=Table;v=v9;g=meta.k8s.io,application/json")->transform,
            Transform::kNone);
  EXPECT_EQ(Form("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;"
                 "v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
                ->transform,
            Transform::kPartialList);
  EXPECT_EQ(Form("application/vnd.kubernetes.protobuf").error().code, 406);
  EXPECT_EQ(Form("application/json;as=Table;v=v1;g=meta.k8s.io", "includeObject=Bad").error().code,
            400);
}

TEST(Media, ReadsYaml) {
  Result<Json> json = ParseYaml("a: 1\nb: [x, 'y', true, null]\nc:\n  d: 1.5\n  e: \"7\"\n");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(*json, Json::parse(R"({"a":1,"b":["x","y",true,null],"c":{"d":1.5,"e":"7"}})"));
  EXPECT_EQ(*ParseYaml(R"({"kind":"X","n":3})"), Json::parse(R"({"kind":"X","n":3})"));
  EXPECT_EQ(ParseYaml("a: [").error().code, 400);
  EXPECT_EQ(ParseYaml("a: &x [1]\nb: *x\n").error().code, 400);
  EXPECT_EQ(ParseYaml(std::string(5000, '[')).error().code, 400);
}

TEST(ContinueToken, GoesThereAndBack) {
  const ContinueToken token{42, std::string("default/a\0", 10)};
  Result<ContinueToken> parsed = ContinueToken::Parse(token.Encode());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->revision, 42);
  EXPECT_EQ(parsed->start, token.start);
  for (const ContinueToken& bad :
       {ContinueToken{0, "a"}, ContinueToken{1, "../secrets"}, ContinueToken{1, "/a"},
        ContinueToken{1, ""}, ContinueToken{1, "a//b"}})
    EXPECT_FALSE(ContinueToken::Parse(bad.Encode()).ok()) << bad.start;
  EXPECT_TRUE(ContinueToken::Parse("!!").error().message.starts_with("invalid continue token: "));
}

std::string ListRefusal(const char* query) {
  Result<ListOptions> options =
      ParseListOptions(*FindResource("", "v1", "pods"), QueryParameters::Parse(query));
  return options.ok() ? "" : StrCat(options.error().code, " ", options.error().message);
}

TEST(ListOptions, RefusesWhatContradictsItself) {
  constexpr const char* kPrefix =
      "422 ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: ";
  EXPECT_EQ(ListRefusal("resourceVersionMatch=Exact"),
            StrCat(kPrefix,
                   "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is "
                   "provided"));
  EXPECT_EQ(ListRefusal("resourceVersionMatch=Exact&resourceVersion=0"),
            StrCat(kPrefix,
                   "Forbidden: resourceVersionMatch \"exact\" is forbidden for "
                   "resourceVersion \"0\""));
  EXPECT_NE(ListRefusal("resourceVersionMatch=Foo&resourceVersion=1"), "");
  EXPECT_EQ(ListRefusal("resourceVersion=5&continue=x"),
            "400 specifying resource version is not allowed when using continue");
  EXPECT_NE(ListRefusal("resourceVersion=abc"), "");
  EXPECT_EQ(ListRefusal("limit=-5&resourceVersion=7&resourceVersionMatch=NotOlderThan"), "");
}

TEST(StatusError, IsWordedAsKubernetes) {
  const Resource& deployments = *FindResource("apps", "v1", "deployments");
  EXPECT_EQ(NotFound(deployments, "d").message, "deployments.apps \"d\" not found");
  EXPECT_EQ(NotFound(deployments, "d").ToJson()["details"],
            Json::parse(R"({"name":"d","group":"apps","kind":"deployments"})"));
  FieldErrors errors;
  AddRequired(errors, "spec.selector");
  EXPECT_EQ(Invalid(deployments, "d", errors).message,
            "Deployment.apps \"d\" is invalid: spec.selector: Required value");
  AddInvalid(errors, "spec.replicas", -1, "must be greater than or equal to 0");
  const StatusError two = Invalid(deployments, "d", errors);
  EXPECT_EQ(two.message,
            "Deployment.apps \"d\" is invalid: [spec.selector: Required value, spec.replicas: "
            "Invalid value: -1: must be greater than or equal to 0]");
  EXPECT_EQ(two.details["kind"], "Deployment");
  EXPECT_EQ(two.details["causes"][1]["reason"], "FieldValueInvalid");
  EXPECT_EQ(TooLargeResourceVersion(9, 5).ToJson()["details"]["causes"][0]["reason"],
            "ResourceVersionTooLarge");
}

TEST(StatusError, TellsClientsWhatMayBeRepeated) {
  const absl::Status timed_out = absl::UnavailableError("etcdserver: request timed out");
  EXPECT_EQ(FromMember(timed_out, true).code, 504);
  EXPECT_EQ(FromMember(timed_out, true).retry_after_seconds, 0);
  EXPECT_EQ(FromMember(timed_out, false).retry_after_seconds, 1);
  EXPECT_EQ(FromMember(absl::UnavailableError("etcdserver: no leader"), true).code, 503);
  EXPECT_EQ(FromMember(absl::ResourceExhaustedError("etcdserver: too many requests"), true).code,
            429);
  EXPECT_EQ(FromMember(absl::InvalidArgumentError("etcdserver: request is too large"), true).code,
            413);
}

}  // namespace
}  // namespace pintle::server::kube

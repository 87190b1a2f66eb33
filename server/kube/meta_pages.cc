#include "server/kube/meta_pages.h"

#include <utility>

#include "server/kube/discovery.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kTextType = "text/plain; charset=utf-8";
constexpr std::string_view kV2Protobuf = "application/com.github.proto-openapi.spec.v2";

void SendDiscovery(const net::HttpRequest& request, const Reply& reply, bool core, Json plain) {
  const std::optional<std::string> version = AggregatedVersion(request.headers.Get("accept"));
  if (!version) return reply.Send(200, plain);
  net::Headers headers = reply.MakeHeaders(
      StrCat("application/json;g=apidiscovery.k8s.io;v=", *version, ";as=APIGroupDiscoveryList"));
  headers.Add("vary", "Accept");
  reply.exchange->Respond(200, std::move(headers), Dump(AggregatedDiscovery(core, *version)));
}

Json RootPaths() {
  Json paths = Json::array({"/api", "/api/v1", "/apis"});
  for (const Resource& row : AllResources()) {
    for (const std::string& path :
         {StrCat("/apis/", row.group), StrCat("/apis/", row.group, "/", row.version)}) {
      if (!row.group.empty() && std::find(paths.begin(), paths.end(), path) == paths.end())
        paths.push_back(path);
    }
  }
  for (const char* path :
       {"/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"})
    paths.push_back(path);
  return {{"paths", std::move(paths)}};
}

// One check, worded as the health endpoints of Kubernetes.
void SendHealth(const Reply& reply, std::string_view page, bool verbose,
                const StatusError* failure) {
  if (failure == nullptr && !verbose) return reply.SendBytes(200, kTextType, "ok");
  const std::string_view sign = failure == nullptr ? "[+]" : "[-]";
  std::string text = StrCat("[+]ping ok\n", sign, "etcd ",
                            failure == nullptr ? "ok\n" : "failed: reason withheld\n", page,
                            " check ", failure == nullptr ? "passed\n" : "failed\n");
  reply.SendBytes(failure == nullptr ? 200 : 500, kTextType, std::move(text));
}

}  // namespace

MetaPages::MetaPages(FaceContext& face, Bootstrap& bootstrap)
    : face_(face),
      bootstrap_(bootstrap),
      documents_(AllResources(), face.schema, std::string(kGitVersion)) {}

bool MetaPages::Handle(const net::HttpRequest& request, const Reply& reply) {
  if (HandleSelfReview(request, reply)) return true;
  const bool known = HandleHealth(request, reply) || HandleDiscovery(request, reply) ||
                     HandleOpenApi(request, reply);
  return known;
}

bool MetaPages::HandleDiscovery(const net::HttpRequest& request, const Reply& reply) {
  if (request.method != "GET") return false;
  std::string_view path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path == "/") {
    reply.Send(200, RootPaths());
  } else if (path == "/version") {
    reply.Send(200, VersionDocument());
  } else if (path == "/apis/apiextensions.k8s.io/v1/customresourcedefinitions") {
    // Not advertised, and there are none: kubectl asks before it says that a kind is unknown.
    reply.Send(200, {{"kind", "CustomResourceDefinitionList"},
                     {"apiVersion", "apiextensions.k8s.io/v1"},
                     {"metadata", {{"resourceVersion", "1"}}},
                     {"items", Json::array()}});
  } else if (path == "/api") {
    SendDiscovery(request, reply, true, ApiVersions(face_.options.advertised_address));
  } else if (path == "/apis") {
    SendDiscovery(request, reply, false, ApiGroups());
  } else if (path == "/api/v1") {
    reply.Send(200, *ApiResources("", "v1"));
  } else if (path.starts_with("/apis/")) {
    path.remove_prefix(6);
    const size_t slash = path.find('/');
    if (slash != std::string_view::npos && path.find('/', slash + 1) != std::string_view::npos)
      return false;
    const std::optional<Json> document =
        slash == std::string_view::npos
            ? ApiGroup(path)
            : ApiResources(path.substr(0, slash), path.substr(slash + 1));
    if (!document) return false;
    reply.Send(200, *document);
  } else {
    return false;
  }
  return true;
}

void MetaPages::SendDocument(const net::HttpRequest& request, const Reply& reply,
                             std::string_view content_type, const OpenApiDocuments::Body& body) {
  const std::string etag = StrCat("\"", body.hash, "\"");
  net::Headers headers;
  headers.Add("content-type", std::string(content_type));
  headers.Add("etag", etag);
  headers.Add("vary", "Accept");
  headers.Add("cache-control", "no-cache, private");
  if (Contains(request.headers.Get("if-none-match"), etag))
    return reply.exchange->Respond(304, std::move(headers), "");
  reply.exchange->Respond(200, std::move(headers), body.bytes);
}

bool MetaPages::HandleOpenApi(const net::HttpRequest& request, const Reply& reply) {
  constexpr std::string_view kV3 = "/openapi/v3/";
  if (request.method != "GET") return false;
  const std::string_view path = request.path;
  if (path == "/openapi/v2") {
    const bool protobuf = Contains(request.headers.Get("accept"), kV2Protobuf);
    if (protobuf) {
      SendDocument(request, reply, "application/octet-stream", documents_.V2Protobuf());
    } else {
      SendDocument(request, reply, kJsonType, documents_.V2Json());
    }
    return true;
  }
  if (path == "/openapi/v3") {
    SendDocument(request, reply, kJsonType, documents_.V3Index());
    return true;
  }
  if (!path.starts_with(kV3)) return false;
  const std::string_view group_version = path.substr(kV3.size());
  const OpenApiDocuments::Body* body = documents_.V3(group_version);
  if (body == nullptr) return false;
  const QueryParameters query = QueryParameters::Parse(request.query);
  const std::string_view hash = query.Get("hash");
  if (!hash.empty() && hash != body->hash) {
    net::Headers headers = reply.MakeHeaders(kTextType);
    headers.Add("location", StrCat(path, "?hash=", body->hash));
    reply.exchange->Respond(301, std::move(headers), "");
    return true;
  }
  SendDocument(request, reply, kJsonType, *body);
  return true;
}

bool MetaPages::HandleHealth(const net::HttpRequest& request, const Reply& reply) {
  if (request.method != "GET") return false;
  const std::string_view path = request.path;
  if (path != "/healthz" && path != "/livez" && path != "/readyz") return false;
  const std::string page(path.substr(1));
  const bool verbose = QueryParameters::Parse(request.query).Has("verbose");
  if (page == "livez") {
    SendHealth(reply, page, verbose, nullptr);
    return true;
  }
  face_.member.LinearizableRead(
      [this, reply, page, verbose](absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) {
        reply.exchange->executor().Post([this, reply, page, verbose, status = view.status()] {
          if (!status.ok()) {
            const StatusError error = FromMember(status, false);
            return SendHealth(reply, page, verbose, &error);
          }
          // Ready means that the first request will find the namespaces in place.
          bootstrap_.Ensure(reply.exchange, [reply, page, verbose](Result<Done> made) {
            SendHealth(reply, page, verbose, made.ok() ? nullptr : &made.error());
          });
        });
      });
  return true;
}

// There is no authorization yet: everybody may do everything, and is told so (kube-api §1.4).
bool MetaPages::HandleSelfReview(const net::HttpRequest& request, const Reply& reply) {
  constexpr std::string_view kGroup = "/apis/authorization.k8s.io/v1/";
  if (request.method != "POST" || !std::string_view(request.path).starts_with(kGroup)) return false;
  const std::string_view kind = std::string_view(request.path).substr(kGroup.size());
  const bool access = kind == "selfsubjectaccessreviews";
  if (!access && kind != "selfsubjectrulesreviews") return false;
  // The answer does not depend on what is asked, so that a body in another encoding is answered
  // too.
  Result<Json> body = ParseBody(request, nullptr);
  Json review = body.ok() && body->is_object() ? *std::move(body) : Json::object();
  review["kind"] = access ? "SelfSubjectAccessReview" : "SelfSubjectRulesReview";
  review["apiVersion"] = "authorization.k8s.io/v1";
  const Json all = Json::array({"*"});
  if (access) {
    review["status"] = {{"allowed", true}};
  } else {
    review["status"] = {
        {"resourceRules", Json::array({{{"verbs", all}, {"apiGroups", all}, {"resources", all}}})},
        {"nonResourceRules", Json::array({{{"verbs", all}, {"nonResourceURLs", all}}})},
        {"incomplete", false}};
  }
  reply.Send(201, review);
  return true;
}

}  // namespace pintle::server::kube

#include "client/api_request.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "net/http.h"

namespace pintle::client {
namespace {

ResourceType* Make(std::string group, std::string resource, std::string kind, bool namespaced) {
  return new ResourceType{std::move(group), "v1", std::move(resource), std::move(kind), namespaced};
}

void AddParameter(std::string& query, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!query.empty()) query += '&';
  query += name;
  query += '=';
  query += net::PercentEncode(value);
}

std::string ListQuery(const ListOptions& options) {
  std::string query;
  AddParameter(query, "labelSelector", options.label_selector);
  AddParameter(query, "fieldSelector", options.field_selector);
  AddParameter(query, "resourceVersion", options.resource_version);
  return query;
}

Json DeleteBody(const DeleteOptions& options) {
  Json body{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}};
  if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
  if (!options.uid.empty()) body["preconditions"] = Json{{"uid", options.uid}};
  if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
  return body;
}

Json WithType(const ResourceType& type, Json object) {
  object["kind"] = type.kind;
  object["apiVersion"] = type.ApiVersion();
  return object;
}

}  // namespace

std::string ResourceType::ApiVersion() const {
  return group.empty() ? version : absl::StrCat(group, "/", version);
}

std::string ResourceType::Id() const {
  return group.empty() ? resource : absl::StrCat(resource, ".", group);
}

const ResourceType& Pods() {
  static const ResourceType& type = *Make("", "pods", "Pod", true);
  return type;
}
const ResourceType& Nodes() {
  static const ResourceType& type = *Make("", "nodes", "Node", false);
  return type;
}
const ResourceType& Namespaces() {
  static const ResourceType& type = *Make("", "namespaces", "Namespace", false);
  return type;
}
const ResourceType& Services() {
  static const ResourceType& type = *Make("", "services", "Service", true);
  return type;
}
const ResourceType& EndpointsType() {
  static const ResourceType& type = *Make("", "endpoints", "Endpoints", true);
  return type;
}
const ResourceType& Events() {
  static const ResourceType& type = *Make("", "events", "Event", true);
  return type;
}
const ResourceType& Deployments() {
  static const ResourceType& type = *Make("apps", "deployments", "Deployment", true);
  return type;
}
const ResourceType& ReplicaSets() {
  static const ResourceType& type = *Make("apps", "replicasets", "ReplicaSet", true);
  return type;
}
const ResourceType& Leases() {
  static const ResourceType& type = *Make("coordination.k8s.io", "leases", "Lease", true);
  return type;
}

std::string ApiRequest::Target() const {
  return query.empty() ? path : absl::StrCat(path, "?", query);
}

bool ApiReply::NamespaceTerminating() const {
  if (code != 403) return false;
  for (const Json& cause : Array(body, "details.causes")) {
    if (Str(cause, "reason") == "NamespaceTerminating") return true;
  }
  return message.find("because it is being terminated") != std::string::npos;
}

ApiReply DecodeReply(int code, std::string_view body) {
  ApiReply reply;
  reply.code = code;
  std::optional<Json> parsed = Parse(body);
  if (parsed) {
    reply.body = *std::move(parsed);
    if (!reply.ok() && Str(reply.body, "kind") == "Status") {
      reply.reason = Str(reply.body, "reason");
      reply.message = Str(reply.body, "message");
    }
  } else if (reply.ok()) {
    reply.code = 0;
    reply.message = "the server answered something that is not JSON";
    return reply;
  }
  if (!reply.ok() && reply.message.empty()) {
    reply.message = absl::StrCat("HTTP status ", code, ": ", std::string(body.substr(0, 200)));
  }
  return reply;
}

std::string CollectionPath(const ResourceType& type, std::string_view name_space) {
  std::string path = type.group.empty() ? absl::StrCat("/api/", type.version)
                                        : absl::StrCat("/apis/", type.group, "/", type.version);
  if (type.namespaced && !name_space.empty()) {
    absl::StrAppend(&path, "/namespaces/", net::PercentEncode(name_space));
  }
  absl::StrAppend(&path, "/", type.resource);
  return path;
}

std::string ObjectPath(const ResourceType& type, std::string_view name_space, std::string_view name,
                       std::string_view subresource) {
  std::string path = CollectionPath(type, name_space);
  absl::StrAppend(&path, "/", net::PercentEncode(name));
  if (!subresource.empty()) {
    path += '/';
    path += subresource;
  }
  return path;
}

ApiRequest GetObject(const ResourceType& type, std::string_view name_space, std::string_view name) {
  ApiRequest request;
  request.path = ObjectPath(type, name_space, name);
  return request;
}

ApiRequest ListObjects(const ResourceType& type, const ListOptions& options) {
  ApiRequest request;
  request.path = CollectionPath(type, options.name_space);
  request.query = ListQuery(options);
  if (options.limit > 0) AddParameter(request.query, "limit", std::to_string(options.limit));
  AddParameter(request.query, "continue", options.continue_token);
  return request;
}

ApiRequest WatchObjects(const ResourceType& type, const WatchOptions& options) {
  ApiRequest request;
  request.path = CollectionPath(type, options.list.name_space);
  request.query = ListQuery(options.list);
  AddParameter(request.query, "watch", "true");
  AddParameter(request.query, "allowWatchBookmarks", "true");
  AddParameter(request.query, "timeoutSeconds",
               std::to_string(absl::ToInt64Seconds(options.timeout)));
  return request;
}

ApiRequest CreateObject(const ResourceType& type, Json object) {
  ApiRequest request;
  request.method = "POST";
  request.path = CollectionPath(type, Namespace(object));
  request.body = WithType(type, std::move(object));
  return request;
}

ApiRequest UpdateObject(const ResourceType& type, Json object) {
  return UpdateSubresource(type, std::move(object), {});
}

ApiRequest UpdateSubresource(const ResourceType& type, Json object, std::string_view subresource) {
  ApiRequest request;
  request.method = "PUT";
  request.path = ObjectPath(type, Namespace(object), Name(object), subresource);
  request.body = WithType(type, std::move(object));
  return request;
}

ApiRequest PatchObject(const ResourceType& type, std::string_view name_space, std::string_view name,
                       PatchType patch_type, Json patch, std::string_view subresource) {
  ApiRequest request;
  request.method = "PATCH";
  request.path = ObjectPath(type, name_space, name, subresource);
  request.body = std::move(patch);
  switch (patch_type) {
    case PatchType::kMerge:
      request.content_type = "application/merge-patch+json";
      break;
    case PatchType::kStrategicMerge:
      request.content_type = "application/strategic-merge-patch+json";
      break;
    case PatchType::kJson:
      request.content_type = "application/json-patch+json";
      break;
  }
  return request;
}

ApiRequest DeleteObject(const ResourceType& type, std::string_view name_space,
                        std::string_view name, const DeleteOptions& options) {
  ApiRequest request;
  request.method = "DELETE";
  request.path = ObjectPath(type, name_space, name);
  request.body = DeleteBody(options);
  return request;
}

ApiRequest DeleteCollection(const ResourceType& type, std::string_view name_space,
                            const DeleteOptions& options) {
  ApiRequest request;
  request.method = "DELETE";
  request.path = CollectionPath(type, name_space);
  request.body = DeleteBody(options);
  return request;
}

}  // namespace pintle::client

// Requests to a Kubernetes API server and their answers, as values: what controllers decide, and
// what tests compare.
//
// Source of the wire contract: the Kubernetes API conventions; DELETE options and patch types as
// kube-apiserver has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "client/json.h"

namespace pintle::client {

// Which collection of the API an object lives in.
struct ResourceType {
  std::string group;  // "" for the core group
  std::string version;
  std::string resource;  // plural, lower case
  std::string kind;
  bool namespaced = true;

  std::string ApiVersion() const;  // "v1", "apps/v1"
  std::string Id() const;          // "deployments.apps": unique among the resources of one server
  friend bool operator==(const ResourceType&, const ResourceType&) = default;
};

const ResourceType& Pods();
const ResourceType& Nodes();
const ResourceType& Namespaces();
const ResourceType& Services();
const ResourceType& EndpointsType();
const ResourceType& Events();
const ResourceType& Deployments();
const ResourceType& ReplicaSets();
const ResourceType& Leases();

struct ApiRequest {
  std::string method = "GET";
  std::string path;   // percent-encoded
  std::string query;  // percent-encoded, without '?'
  Json body;          // null: none
  std::string content_type = "application/json";
  std::string accept = "application/json";
  // For the whole of it, retries on other members included; zero: the client's default.
  absl::Duration timeout = absl::ZeroDuration();

  std::string Target() const;
};

struct ApiReply {
  int code = 0;         // HTTP status; 0: no member answered
  std::string reason;   // of a Status ("NotFound", "Conflict", "AlreadyExists", …)
  std::string message;  // of a Status, or what went wrong on the way
  Json body;
  // An earlier attempt may have been carried out although its answer was lost: AlreadyExists may
  // mean "by ourselves".
  bool retried = false;

  bool ok() const { return code >= 200 && code < 300; }
  bool NotFound() const { return code == 404; }
  bool Conflict() const { return code == 409 && reason != "AlreadyExists"; }
  bool AlreadyExists() const { return code == 409 && reason == "AlreadyExists"; }
  bool Expired() const { return code == 410; }
  // Something was refused because its namespace is being deleted.
  bool NamespaceTerminating() const;
};

// Decodes an answer's body; a body that is not JSON becomes the message of an error.
ApiReply DecodeReply(int code, std::string_view body);

enum class PatchType { kMerge, kStrategicMerge, kJson };

struct DeleteOptions {
  std::optional<int64_t> grace_period_seconds;
  std::string uid;                 // precondition, when not empty
  std::string propagation_policy;  // "Background", "Foreground", "Orphan", or server's choice
};

struct ListOptions {
  std::string name_space;  // empty: all
  std::string label_selector;
  std::string field_selector;
  int limit = 0;
  std::string continue_token;
  std::string resource_version;
};

struct WatchOptions {
  ListOptions list;  // limit and continue_token are not used
  absl::Duration timeout = absl::Minutes(5);
};

std::string CollectionPath(const ResourceType& type, std::string_view name_space);
std::string ObjectPath(const ResourceType& type, std::string_view name_space, std::string_view name,
                       std::string_view subresource = {});

ApiRequest GetObject(const ResourceType& type, std::string_view name_space, std::string_view name);
ApiRequest ListObjects(const ResourceType& type, const ListOptions& options);
ApiRequest WatchObjects(const ResourceType& type, const WatchOptions& options);
ApiRequest CreateObject(const ResourceType& type, Json object);
ApiRequest UpdateObject(const ResourceType& type, Json object);
ApiRequest UpdateSubresource(const ResourceType& type, Json object, std::string_view subresource);
ApiRequest PatchObject(const ResourceType& type, std::string_view name_space, std::string_view name,
                       PatchType patch_type, Json patch, std::string_view subresource = {});
ApiRequest DeleteObject(const ResourceType& type, std::string_view name_space,
                        std::string_view name, const DeleteOptions& options);
ApiRequest DeleteCollection(const ResourceType& type, std::string_view name_space,
                            const DeleteOptions& options);

}  // namespace pintle::client

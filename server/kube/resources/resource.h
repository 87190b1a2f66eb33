// Resource: one row of the façade's table. A new kind is a row and a file here, never a new code
// path.
//
// server/kube's machinery (request → verb → store → answer) is the same for every kind and reads
// everything that is particular about one from this struct. Functions are pure: object in, changes
// or field errors out; they see no store, no clock but what is passed in. Owner: the table lives
// for the whole process, immutable. Threads: any. Objects are nlohmann::json in the versioned
// external form ("apps/v1" etc.), with kind and apiVersion set.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace pintle::server::kube {

using Json = nlohmann::json;

// One problem with one field, worded as Kubernetes words it (kube-api §5).
struct FieldError {
  enum class Type {
    kRequired,
    kInvalid,
    kNotSupported,
    kDuplicate,
    kForbidden,
    kNotFound,
    kTooLong,
    kTooMany
  };
  Type type = Type::kInvalid;
  std::string field;    // "spec.replicas"
  std::string message;  // whole text behind "field: ", for example `Invalid value: -1: must be
                        // greater than or equal to 0`
};
using FieldErrors = std::vector<FieldError>;

struct Column {
  std::string name;    // "Ready"
  std::string type;    // "string", "integer", "date" …
  std::string format;  // "name" for the first column, else empty
  std::string description;
  int priority = 0;  // 1: only with -o wide
};

struct Subresource {
  std::string name;  // "status", "scale", "binding", "finalize"
  std::string group, version,
      kind;  // of what is exchanged when it differs from the resource itself; else empty
  std::vector<std::string> verbs;  // sorted
};

// How names are checked (kube-api §7, "Name validation classes").
enum class NameRule { kDns1123Subdomain, kDns1123Label, kDns1035Label, kPathSegment };

struct Resource {
  std::string group;    // "" for core
  std::string version;  // "v1"
  std::string plural;   // "pods"
  std::string singular;
  std::string kind;  // "Pod"
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  std::vector<std::string> verbs;  // sorted, as discovery shows them
  std::vector<Subresource> subresources;

  std::string storage_prefix;  // kube-apiserver's own: "/registry/pods",
                               // "/registry/services/specs", "/registry/minions"
  std::string definition;      // OpenAPI definition: "io.k8s.api.core.v1.Pod"
  NameRule name_rule = NameRule::kDns1123Subdomain;

  bool has_status = false;      // .status is ignored by the main resource and written by /status
  bool has_generation = false;  // metadata.generation is kept, bumped when .spec changes
  bool generation_on_annotations = false;  // Deployment: also when annotations change
  bool graceful_deletion = false;          // Pod
  bool unconditional_update =
      true;                       // PUT without resourceVersion overwrites (not Lease, not Service)
  bool create_on_update = false;  // PUT of an absent object creates it
  absl::Duration ttl =
      absl::ZeroDuration();  // stored under a lease of that length (Event: 1 h); zero: for ever

  // Fills in what the user left out. Called on create, update and patch, after decoding.
  std::function<void(Json& object)> set_defaults = [](Json&) {};
  // Create only: drops or sets what a client may not choose (initial status, spec.finalizers of a
  // Namespace, …).
  std::function<void(Json& object, absl::Time now)> prepare_for_create = [](Json&, absl::Time) {};
  // Update of the main resource: carries over what this door may not change (beyond status and
  // metadata, which the machinery handles).
  std::function<void(Json& object, const Json& old)> prepare_for_update = [](Json&, const Json&) {};
  // `old` is null on create.
  std::function<void(const Json& object, const Json* old, FieldErrors& errors)> validate =
      [](const Json&, const Json*, FieldErrors&) {};

  // Server-side printing. `row` gives one cell per column.
  std::vector<Column> columns;
  std::function<std::vector<Json>(const Json& object, absl::Time now)> row;

  // Field selector paths beyond metadata.name and metadata.namespace, and how to read them.
  struct FieldLabel {
    std::string path;  // "spec.nodeName"
    std::function<std::string(const Json& object)> value;
  };
  std::vector<FieldLabel> field_labels;

  const Subresource* FindSubresource(std::string_view name) const;
  std::string group_version() const { return group.empty() ? version : group + "/" + version; }
  // "pods", "deployments.apps": how messages name the resource.
  std::string qualified() const { return group.empty() ? plural : plural + "." + group; }
};

// All of them, in discovery order.
std::span<const Resource> AllResources();
const Resource* FindResource(std::string_view group, std::string_view version,
                             std::string_view plural);
const Resource* FindResourceByKind(std::string_view group, std::string_view version,
                                   std::string_view kind);

}  // namespace pintle::server::kube

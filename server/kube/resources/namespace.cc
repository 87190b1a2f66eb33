#include <algorithm>

#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  Json& metadata = MakeObject(object, "metadata");
  const std::string name = StringAt(metadata, {"name"});
  if (!name.empty()) MakeObject(metadata, "labels")["kubernetes.io/metadata.name"] = name;
  MakeObject(object, "spec");
  MakeObject(object, "status");
}

// Content is deleted by a controller before the namespace goes; "kubernetes" is its finalizer.
void PrepareForCreate(Json& object, absl::Time) {
  Json& finalizers = MakeObject(object, "spec")["finalizers"];
  if (!finalizers.is_array()) finalizers = Json::array();
  if (std::find(finalizers.begin(), finalizers.end(), "kubernetes") == finalizers.end()) {
    finalizers.push_back("kubernetes");
  }
  object["status"] = {{"phase", "Active"}};
  SetDefaults(object);
}

void PrepareForUpdate(Json& object, const Json& old) {
  MakeObject(object, "spec")["finalizers"] = At(old, {"spec", "finalizers"});
  if (object["spec"]["finalizers"].is_null()) object["spec"].erase("finalizers");
}

void Validate(const Json& object, const Json*, FieldErrors& errors) {
  const Json& finalizers = At(object, {"spec", "finalizers"});
  for (size_t i = 0; i < finalizers.size(); ++i) {
    const std::string name = finalizers[i].get<std::string>();
    const std::string field = Indexed("spec.finalizers", i);
    AddComplaints(errors, field, name, CheckQualifiedName(name));
    if (name.find('/') == std::string::npos && name != "kubernetes" && name != "orphan") {
      AddInvalid(errors, field, name,
                 "name is neither a standard finalizer name nor is it fully qualified");
    }
  }
}

std::string Phase(const Json& object) { return StringAt(object, {"status", "phase"}); }

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), Phase(object), ObjectAge(object, now)};
}

}  // namespace

Resource NamespaceRow() {
  Resource row;
  row.version = "v1";
  row.plural = "namespaces";
  row.singular = "namespace";
  row.kind = "Namespace";
  row.short_names = {"ns"};
  row.namespaced = false;
  row.verbs = AllVerbsButDeleteCollection();
  row.subresources = {{"finalize", "", "", "", {"update"}}, StatusSubresource()};
  row.storage_prefix = "/registry/namespaces";
  row.definition = "io.k8s.api.core.v1.Namespace";
  row.name_rule = NameRule::kDns1123Label;
  row.has_status = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = PrepareForCreate;
  row.prepare_for_update = PrepareForUpdate;
  row.validate = Validate;
  row.columns = {NameColumn(), {"Status", "string", "", "Active, or Terminating.", 0}, AgeColumn()};
  row.row = Cells;
  row.field_labels = {{"status.phase", Phase}};
  return row;
}

}  // namespace pintle::server::kube

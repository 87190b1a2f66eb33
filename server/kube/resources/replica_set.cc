#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"
#include "server/kube/resources/workload.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  Json& spec = MakeObject(object, "spec");
  SetDefault(spec, "replicas", 1);
  SetPodTemplateDefaults(spec);
  SetDefault(MakeObject(object, "status"), "replicas", 0);
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  ValidateNonNegative(spec, "replicas", "spec", errors);
  ValidateNonNegative(spec, "minReadySeconds", "spec", errors);
  ValidateOwnerSelector(object, old, "deployment", errors);
  ValidateOwnedTemplate(spec, errors);
  ValidateStatusCounts(object, {"replicas", "observedGeneration"},
                       {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"}, errors);
  const Json& status = At(object, {"status"});
  if (IntAt(status, {"availableReplicas"}) > IntAt(status, {"readyReplicas"})) {
    AddInvalid(errors, "status.availableReplicas", At(status, {"availableReplicas"}),
               "cannot be greater than readyReplicas");
  }
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Desired", "integer", "", "How many replicas are wanted.", 0},
          {"Current", "integer", "", "How many replicas there are.", 0},
          {"Ready", "integer", "", "How many replicas are ready.", 0},
          AgeColumn(),
          ContainersColumn(),
          ImagesColumn(),
          SelectorColumn()};
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  std::vector<Json> cells = {StringAt(object, {"metadata", "name"}),
                             IntAt(object, {"spec", "replicas"}),
                             IntAt(object, {"status", "replicas"}),
                             IntAt(object, {"status", "readyReplicas"}), ObjectAge(object, now)};
  AppendTemplateCells(object, true, cells);
  return cells;
}

}  // namespace

Resource ReplicaSetRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "replicasets";
  row.singular = "replicaset";
  row.kind = "ReplicaSet";
  row.short_names = {"rs"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {ScaleSubresource(), StatusSubresource()};
  row.storage_prefix = "/registry/replicasets";
  row.definition = "io.k8s.api.apps.v1.ReplicaSet";
  row.has_status = true;
  row.has_generation = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = [](Json& object, absl::Time) { object["status"] = {{"replicas", 0}}; };
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  row.field_labels = {{"status.replicas", [](const Json& object) {
                         return std::to_string(IntAt(object, {"status", "replicas"}));
                       }}};
  return row;
}

}  // namespace pintle::server::kube

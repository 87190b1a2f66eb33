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
  SetDefault(spec, "podManagementPolicy", "OrderedReady");
  Json& strategy = MakeObject(spec, "updateStrategy");
  SetDefault(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    SetDefault(MakeObject(strategy, "rollingUpdate"), "partition", 0);
  }
  Json& retention = MakeObject(spec, "persistentVolumeClaimRetentionPolicy");
  SetDefault(retention, "whenDeleted", "Retain");
  SetDefault(retention, "whenScaled", "Retain");
  SetDefault(spec, "revisionHistoryLimit", 10);
  SetPodTemplateDefaults(spec);
  SetDefault(MakeObject(object, "status"), "replicas", 0);
}

// All but a few fields of the specification are fixed at creation.
void ValidateSpecUpdate(const Json& spec, const Json& old_spec, FieldErrors& errors) {
  Json allowed = old_spec;
  for (const char* name :
       {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}) {
    allowed[name] = At(spec, {name});
  }
  if (!SemanticEqual(spec, allowed)) {
    AddForbidden(errors, "spec",
                 "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                 "'template', 'updateStrategy', 'revisionHistoryLimit', "
                 "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
  }
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  for (const char* name : {"replicas", "minReadySeconds", "revisionHistoryLimit"}) {
    ValidateNonNegative(spec, name, "spec", errors);
  }
  const std::string policy = StringAt(spec, {"podManagementPolicy"});
  if (policy != "OrderedReady" && policy != "Parallel") {
    AddInvalid(errors, "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
  }
  const std::string type = StringAt(spec, {"updateStrategy", "type"});
  if (type != "RollingUpdate" && type != "OnDelete") {
    AddInvalid(errors, "spec.updateStrategy", type, "must be 'RollingUpdate' or 'OnDelete'");
  }
  ValidateOwnerSelector(object, nullptr, "statefulset", errors);
  ValidateOwnedTemplate(spec, errors);
  if (old != nullptr) ValidateSpecUpdate(spec, At(*old, {"spec"}), errors);
  ValidateStatusCounts(object, {"replicas"},
                       {"readyReplicas", "currentReplicas", "updatedReplicas"}, errors);
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Ready", "string", "", "How many replicas are ready, of how many wanted.", 0},
          AgeColumn(),
          ContainersColumn(),
          ImagesColumn()};
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  std::vector<Json> cells = {StringAt(object, {"metadata", "name"}),
                             std::to_string(IntAt(object, {"status", "readyReplicas"})) + "/" +
                                 std::to_string(IntAt(object, {"spec", "replicas"})),
                             ObjectAge(object, now)};
  AppendTemplateCells(object, false, cells);
  return cells;
}

}  // namespace

Resource StatefulSetRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "statefulsets";
  row.singular = "statefulset";
  row.kind = "StatefulSet";
  row.short_names = {"sts"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {ScaleSubresource(), StatusSubresource()};
  row.storage_prefix = "/registry/statefulsets";
  row.definition = "io.k8s.api.apps.v1.StatefulSet";
  row.has_status = true;
  row.has_generation = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = [](Json& object, absl::Time) { object["status"] = {{"replicas", 0}}; };
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube

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
  Json& strategy = MakeObject(spec, "strategy");
  SetDefault(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    Json& rolling = MakeObject(strategy, "rollingUpdate");
    SetDefault(rolling, "maxUnavailable", "25%");
    SetDefault(rolling, "maxSurge", "25%");
  }
  SetDefault(spec, "revisionHistoryLimit", 10);
  SetDefault(spec, "progressDeadlineSeconds", 600);
  SetPodTemplateDefaults(spec);
  MakeObject(object, "status");
}

bool IsZero(const Json& count_or_percent) {
  return count_or_percent == 0 || count_or_percent == "0%" || count_or_percent == "0";
}

void ValidateStrategy(const Json& strategy, FieldErrors& errors) {
  const std::string type = StringAt(strategy, {"type"});
  const Json& rolling = At(strategy, {"rollingUpdate"});
  if (type == "Recreate") {
    if (!rolling.is_null()) {
      AddForbidden(errors, "spec.strategy.rollingUpdate",
                   "may not be specified when strategy `type` is 'Recreate'");
    }
    return;
  }
  if (type != "RollingUpdate") {
    AddNotSupported(errors, "spec.strategy.type", type, {"Recreate", "RollingUpdate"});
    return;
  }
  const Json& surge = At(rolling, {"maxSurge"});
  const Json& unavailable = At(rolling, {"maxUnavailable"});
  ValidateCountOrPercent(unavailable, "spec.strategy.rollingUpdate.maxUnavailable", errors);
  ValidateCountOrPercent(surge, "spec.strategy.rollingUpdate.maxSurge", errors);
  if (IsZero(surge) && IsZero(unavailable)) {
    AddInvalid(errors, "spec.strategy.rollingUpdate.maxUnavailable", unavailable,
               "may not be 0 when `maxSurge` is 0");
  }
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  for (const char* name : {"replicas", "minReadySeconds", "revisionHistoryLimit"}) {
    ValidateNonNegative(spec, name, "spec", errors);
  }
  ValidateOwnerSelector(object, old, "deployment", errors);
  ValidateOwnedTemplate(spec, errors);
  ValidateStrategy(At(spec, {"strategy"}), errors);
  const Json& deadline = At(spec, {"progressDeadlineSeconds"});
  ValidateNonNegative(spec, "progressDeadlineSeconds", "spec", errors);
  if (deadline.is_number() && deadline.get<int64_t>() <= IntAt(spec, {"minReadySeconds"})) {
    AddInvalid(errors, "spec.progressDeadlineSeconds", deadline,
               "must be greater than minReadySeconds");
  }
  ValidateStatusCounts(object, {"observedGeneration", "replicas", "unavailableReplicas"},
                       {"updatedReplicas", "readyReplicas", "availableReplicas"}, errors);
  const Json& status = At(object, {"status"});
  if (IntAt(status, {"availableReplicas"}) > IntAt(status, {"readyReplicas"})) {
    AddInvalid(errors, "status.availableReplicas", At(status, {"availableReplicas"}),
               "cannot be greater than readyReplicas");
  }
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Ready", "string", "", "How many replicas are ready, of how many wanted.", 0},
          {"Up-to-date", "string", "", "How many replicas have the newest template.", 0},
          {"Available", "string", "", "How many replicas have been ready for long enough.", 0},
          AgeColumn(),
          ContainersColumn(),
          ImagesColumn(),
          SelectorColumn()};
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  const Json& status = At(object, {"status"});
  std::vector<Json> cells = {StringAt(object, {"metadata", "name"}),
                             std::to_string(IntAt(status, {"readyReplicas"})) + "/" +
                                 std::to_string(IntAt(object, {"spec", "replicas"})),
                             IntAt(status, {"updatedReplicas"}),
                             IntAt(status, {"availableReplicas"}), ObjectAge(object, now)};
  AppendTemplateCells(object, true, cells);
  return cells;
}

}  // namespace

Resource DeploymentRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "deployments";
  row.singular = "deployment";
  row.kind = "Deployment";
  row.short_names = {"deploy"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {ScaleSubresource(), StatusSubresource()};
  row.storage_prefix = "/registry/deployments";
  row.definition = "io.k8s.api.apps.v1.Deployment";
  row.has_status = true;
  row.has_generation = true;
  row.generation_on_annotations = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = [](Json& object, absl::Time) { object["status"] = Json::object(); };
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube

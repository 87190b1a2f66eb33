#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"
#include "server/kube/resources/workload.h"

namespace pintle::server::kube {
namespace {

constexpr const char* kCounts[] = {"currentNumberScheduled", "numberMisscheduled",
                                   "desiredNumberScheduled", "numberReady"};

void SetDefaults(Json& object) {
  Json& spec = MakeObject(object, "spec");
  Json& strategy = MakeObject(spec, "updateStrategy");
  SetDefault(strategy, "type", "RollingUpdate");
  if (strategy["type"] == "RollingUpdate") {
    Json& rolling = MakeObject(strategy, "rollingUpdate");
    SetDefault(rolling, "maxUnavailable", 1);
    SetDefault(rolling, "maxSurge", 0);
  }
  SetDefault(spec, "revisionHistoryLimit", 10);
  SetPodTemplateDefaults(spec);
  Json& status = MakeObject(object, "status");
  for (const char* count : kCounts) SetDefault(status, count, 0);
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  ValidateNonNegative(spec, "minReadySeconds", "spec", errors);
  ValidateNonNegative(spec, "revisionHistoryLimit", "spec", errors);
  ValidateOwnerSelector(object, old, "daemonset", errors);
  ValidateOwnedTemplate(spec, errors);
  const std::string type = StringAt(spec, {"updateStrategy", "type"});
  if (type != "RollingUpdate" && type != "OnDelete") {
    AddNotSupported(errors, "spec.updateStrategy.type", type, {"RollingUpdate", "OnDelete"});
  }
  for (const char* count : kCounts) {
    ValidateNonNegative(At(object, {"status"}), count, "status", errors);
  }
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Desired", "integer", "", "How many nodes should run a pod of it.", 0},
          {"Current", "integer", "", "How many nodes run one.", 0},
          {"Ready", "integer", "", "How many of those are ready.", 0},
          {"Up-to-date", "integer", "", "How many have the newest template.", 0},
          {"Available", "integer", "", "How many have been ready for long enough.", 0},
          {"Node Selector", "string", "", "Labels of the nodes it runs on.", 0},
          AgeColumn(),
          ContainersColumn(),
          ImagesColumn(),
          SelectorColumn()};
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  const Json& status = At(object, {"status"});
  std::vector<Json> cells = {StringAt(object, {"metadata", "name"}),
                             IntAt(status, {"desiredNumberScheduled"}),
                             IntAt(status, {"currentNumberScheduled"}),
                             IntAt(status, {"numberReady"}),
                             IntAt(status, {"updatedNumberScheduled"}),
                             IntAt(status, {"numberAvailable"}),
                             FormatLabels(At(object, {"spec", "template", "spec", "nodeSelector"})),
                             ObjectAge(object, now)};
  AppendTemplateCells(object, true, cells);
  return cells;
}

}  // namespace

Resource DaemonSetRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "daemonsets";
  row.singular = "daemonset";
  row.kind = "DaemonSet";
  row.short_names = {"ds"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {StatusSubresource()};
  row.storage_prefix = "/registry/daemonsets";
  row.definition = "io.k8s.api.apps.v1.DaemonSet";
  row.has_status = true;
  row.has_generation = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = [](Json& object, absl::Time) {
    object.erase("status");
    SetDefaults(object);
  };
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube

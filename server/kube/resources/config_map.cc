#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource ConfigMapRow() {
  Resource row;
  row.version = "v1";
  row.plural = "configmaps";
  row.singular = "configmap";
  row.kind = "ConfigMap";
  row.short_names = {"cm"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/configmaps";
  row.definition = "io.k8s.api.core.v1.ConfigMap";
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

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
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

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
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

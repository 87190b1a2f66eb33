#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

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
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource NodeRow() {
  Resource row;
  row.version = "v1";
  row.plural = "nodes";
  row.singular = "node";
  row.kind = "Node";
  row.short_names = {"no"};
  row.namespaced = false;
  row.verbs = AllVerbs();
  row.subresources = {StatusSubresource()};
  row.storage_prefix = "/registry/minions";
  row.definition = "io.k8s.api.core.v1.Node";
  row.has_status = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

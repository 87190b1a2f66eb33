#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource LeaseRow() {
  Resource row;
  row.group = "coordination.k8s.io";
  row.version = "v1";
  row.plural = "leases";
  row.singular = "lease";
  row.kind = "Lease";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/leases";
  row.definition = "io.k8s.api.coordination.v1.Lease";
  row.create_on_update = true;
  row.unconditional_update = false;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource EndpointSliceRow() {
  Resource row;
  row.group = "discovery.k8s.io";
  row.version = "v1";
  row.plural = "endpointslices";
  row.singular = "endpointslice";
  row.kind = "EndpointSlice";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/endpointslices";
  row.definition = "io.k8s.api.discovery.v1.EndpointSlice";
  row.has_generation = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

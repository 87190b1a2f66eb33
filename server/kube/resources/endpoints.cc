#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource EndpointsRow() {
  Resource row;
  row.version = "v1";
  row.plural = "endpoints";
  row.singular = "endpoints";
  row.kind = "Endpoints";
  row.short_names = {"ep"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/services/endpoints";
  row.definition = "io.k8s.api.core.v1.Endpoints";
  row.create_on_update = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource ServiceAccountRow() {
  Resource row;
  row.version = "v1";
  row.plural = "serviceaccounts";
  row.singular = "serviceaccount";
  row.kind = "ServiceAccount";
  row.short_names = {"sa"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/serviceaccounts";
  row.definition = "io.k8s.api.core.v1.ServiceAccount";
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource SecretRow() {
  Resource row;
  row.version = "v1";
  row.plural = "secrets";
  row.singular = "secret";
  row.kind = "Secret";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/secrets";
  row.definition = "io.k8s.api.core.v1.Secret";
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource ServiceRow() {
  Resource row;
  row.version = "v1";
  row.plural = "services";
  row.singular = "service";
  row.kind = "Service";
  row.short_names = {"svc"};
  row.categories = {"all"};
  row.verbs = AllVerbsButDeleteCollection();
  row.subresources = {StatusSubresource()};
  row.storage_prefix = "/registry/services/specs";
  row.definition = "io.k8s.api.core.v1.Service";
  row.name_rule = NameRule::kDns1035Label;
  row.has_status = true;
  row.create_on_update = true;
  row.unconditional_update = false;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource NamespaceRow() {
  Resource row;
  row.version = "v1";
  row.plural = "namespaces";
  row.singular = "namespace";
  row.kind = "Namespace";
  row.short_names = {"ns"};
  row.namespaced = false;
  row.verbs = AllVerbsButDeleteCollection();
  row.subresources = {{"finalize", "", "", "", {"update"}}, StatusSubresource()};
  row.storage_prefix = "/registry/namespaces";
  row.definition = "io.k8s.api.core.v1.Namespace";
  row.name_rule = NameRule::kDns1123Label;
  row.has_status = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

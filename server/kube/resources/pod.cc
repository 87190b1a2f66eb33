#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource PodRow() {
  Resource row;
  row.version = "v1";
  row.plural = "pods";
  row.singular = "pod";
  row.kind = "Pod";
  row.short_names = {"po"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {{"binding", "", "v1", "Binding", {"create"}},
                      {"eviction", "policy", "v1", "Eviction", {"create"}},
                      StatusSubresource()};
  row.storage_prefix = "/registry/pods";
  row.definition = "io.k8s.api.core.v1.Pod";
  row.has_status = true;
  row.graceful_deletion = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

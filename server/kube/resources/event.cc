#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource EventRow() {
  Resource row;
  row.version = "v1";
  row.plural = "events";
  row.singular = "event";
  row.kind = "Event";
  row.short_names = {"ev"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/events";
  row.definition = "io.k8s.api.core.v1.Event";
  row.name_rule = NameRule::kPathSegment;
  row.create_on_update = true;
  row.ttl = absl::Hours(1);
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

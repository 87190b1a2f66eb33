#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource ControllerRevisionRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "controllerrevisions";
  row.singular = "controllerrevision";
  row.kind = "ControllerRevision";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/controllerrevisions";
  row.definition = "io.k8s.api.apps.v1.ControllerRevision";
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

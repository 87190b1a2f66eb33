#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {

Resource DeploymentRow() {
  Resource row;
  row.group = "apps";
  row.version = "v1";
  row.plural = "deployments";
  row.singular = "deployment";
  row.kind = "Deployment";
  row.short_names = {"deploy"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {ScaleSubresource(), StatusSubresource()};
  row.storage_prefix = "/registry/deployments";
  row.definition = "io.k8s.api.apps.v1.Deployment";
  row.has_status = true;
  row.has_generation = true;
  row.generation_on_annotations = true;
  row.columns = NameAndAgeColumns();
  row.row = NameAndAgeCells;
  return row;
}

}  // namespace pintle::server::kube

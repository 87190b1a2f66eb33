// One maker per kind: its row of the table. table.cc calls each once and puts them in discovery
// order.
#pragma once

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

Resource ConfigMapRow();
Resource ControllerRevisionRow();
Resource DaemonSetRow();
Resource DeploymentRow();
Resource EndpointSliceRow();
Resource EndpointsRow();
Resource EventRow();
Resource LeaseRow();
Resource NamespaceRow();
Resource NodeRow();
Resource PodRow();
Resource ReplicaSetRow();
Resource SecretRow();
Resource ServiceAccountRow();
Resource ServiceRow();
Resource StatefulSetRow();

}  // namespace pintle::server::kube

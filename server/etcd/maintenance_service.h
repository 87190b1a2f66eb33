// etcdserverpb.Maintenance: Status, and Alarm as far as there are alarms (etcd-api 1.5).
//
// No alarm is ever raised by this version, so that listing and disarming answer with an empty list
// (etcdctl's health check lists them); raising one by hand is not built, nor is the rest.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterMaintenance(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

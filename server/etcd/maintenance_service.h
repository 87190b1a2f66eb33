// etcdserverpb.Maintenance: Status, Alarm, Hash, HashKV, Defragment, MoveLeader, Snapshot,
// Downgrade (etcd-api 1.5).
//
// Listing alarms is a linearizable read, where etcd writes a log entry to the same effect.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterMaintenance(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

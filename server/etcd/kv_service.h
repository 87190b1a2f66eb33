// etcdserverpb.KV: Range, RangeStream, Put, DeleteRange, Txn, Compact (etcd-api 1.1).
//
// Static checks in etcd's order, then reads go through the read gate and writes through the log.
// A transaction of plain ranges only is a read.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterKv(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

// etcdserverpb.Watch: the one streaming method; see watch_stream.h.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterWatch(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

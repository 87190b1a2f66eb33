// etcdserverpb.Cluster: MemberList; changing the membership is not built (etcd-api 1.4).
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterCluster(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

// v3electionpb.Election: Campaign, Proclaim, Leader, Observe, Resign, made of transactions, reads
// and watches (etcd-api 1.7).
//
// The leader is who has the oldest key under "name/", its value is what it proclaims. As in etcd a
// candidate whose lease ends while it waits is told that it has won when its turn comes; what it
// then proclaims is refused.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

// `router` must have KV, Watch and Lease, and outlives every call.
void RegisterElection(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

// MoveLeader of etcd's Maintenance service: the leader hands over to a member that is named, and
// answers once that one leads. Errors and their order are etcd's (etcd-api 1.5): asked of a
// follower, an unknown member or a learner, not done in the time that etcd gives a request.
//
// Threads: the call's. Limit: one look at the status per kLook until then.
#pragma once

#include "net/grpc.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterMoveLeader(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

// etcdserverpb.Lease: grant, revoke, keep-alive stream, time to live, list (etcd-api 1.3).
//
// Ids are chosen, and short TTLs raised, here: before the proposal, so that the log holds what was
// granted.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

// Keep-alives of one stream that may wait for the leader.
inline constexpr size_t kMaxKeepAlivesWaiting = 1024;

void RegisterLease(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

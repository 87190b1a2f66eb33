// v3lockpb.Lock: Lock and Unlock, made of transactions, reads and watches (etcd-api 1.6).
//
// A lock is the oldest key under "name/"; each who wants it makes its own there, bound to its
// lease, and waits for the one before. Who gives up (cancel, deadline) takes its key back. An
// expired lease takes the key, and a waiter is told "mutex: session is expired" when its turn
// comes.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

// `router` must have KV, Watch and Lease, and outlives every call.
void RegisterLock(net::GrpcRouter& router, const ServicePtr& service);

}  // namespace pintle::server::etcd

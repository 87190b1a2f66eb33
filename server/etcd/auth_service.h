// The Auth service: users, roles, permissions, tokens (etcd-api 1.8).
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterAuth(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

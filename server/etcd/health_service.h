// grpc.health.v1.Health: SERVING for the server as a whole (service "") for as long as it answers.
#pragma once

#include "server/etcd/service.h"

namespace pintle::server::etcd {

void RegisterHealth(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

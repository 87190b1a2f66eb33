// One LeaseKeepAlive stream: each request is answered in its turn, one at a time (etcd-api 1.3).
#pragma once

#include <memory>

#include "server/etcd/service.h"

namespace pintle::server::etcd {

std::unique_ptr<net::GrpcStreamHandler> OpenKeepAliveStream(ServicePtr service,
                                                            std::shared_ptr<net::GrpcCall> call);

}  // namespace pintle::server::etcd

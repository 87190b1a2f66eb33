// Authenticate: from a name and a password to a token (etcd-api 1.8.2).
//
// The password is looked at off the I/O threads; then an entry in the log says so, so that the
// token is good on every member. When users or roles have changed in between, it begins again:
// what was checked might be the old password.
#pragma once

#include <memory>

#include "proto/etcd/rpc.pb.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

void LogIn(const ServicePtr& service, const etcdserverpb::AuthenticateRequest& request,
           std::shared_ptr<net::GrpcCall> call);

}  // namespace pintle::server::etcd

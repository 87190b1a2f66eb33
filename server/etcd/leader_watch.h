// LeaderWatch: ends a stream that asked for it ("hasleader: true") when this member has known no
// leader for three election timeouts (etcd-api 2.2).
//
// Owner: the stream, on its call's thread; gone with it.
#pragma once

#include <memory>

#include "server/etcd/service.h"

namespace pintle::server::etcd {

class LeaderWatch {
 public:
  // Null when the client did not ask.
  static std::unique_ptr<LeaderWatch> For(ServicePtr service,
                                          const std::shared_ptr<net::GrpcCall>& call);

 private:
  LeaderWatch(ServicePtr service, const std::shared_ptr<net::GrpcCall>& call);
  void Arm(net::Executor& executor);
  void Look();

  const ServicePtr service_;
  const std::weak_ptr<net::GrpcCall> call_;
  int missed_ = 0;
  std::unique_ptr<net::Executor::Timer> timer_;
};

}  // namespace pintle::server::etcd

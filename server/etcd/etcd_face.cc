#include "server/etcd/etcd_face.h"

#include <utility>

#include "server/etcd/auth_service.h"
#include "server/etcd/cluster_service.h"
#include "server/etcd/election_service.h"
#include "server/etcd/gateway.h"
#include "server/etcd/health_service.h"
#include "server/etcd/http_endpoints.h"
#include "server/etcd/kv_service.h"
#include "server/etcd/lease_service.h"
#include "server/etcd/lock_service.h"
#include "server/etcd/maintenance_service.h"
#include "server/etcd/service.h"
#include "server/etcd/watch_service.h"

namespace pintle::server::etcd {

struct EtcdFace::Impl {
  Impl(replica::LocalMember& member, EtcdFaceOptions options)
      : service(std::make_shared<const Service>(member, std::move(options))), http(service) {}

  const ServicePtr service;
  std::unique_ptr<Gateway> gateway;  // null: not offered
  HttpEndpoints http;
};

EtcdFace::EtcdFace(replica::LocalMember& member, EtcdFaceOptions options)
    : impl_(std::make_unique<Impl>(member, std::move(options))) {}

EtcdFace::~EtcdFace() = default;

void EtcdFace::Register(net::GrpcRouter& router) {
  RegisterKv(router, impl_->service);
  RegisterWatch(router, impl_->service);
  RegisterLease(router, impl_->service);
  RegisterCluster(router, impl_->service);
  RegisterMaintenance(router, impl_->service);
  RegisterLock(router, impl_->service);
  RegisterElection(router, impl_->service);
  RegisterAuth(router, impl_->service);
  RegisterHealth(router, impl_->service);
  if (!impl_->service->options.gateway) return;
  impl_->gateway = std::make_unique<Gateway>(router);
  impl_->http.UseGateway(*impl_->gateway);
}

const FaceCounters& EtcdFace::counters() const { return *impl_->service->counters; }
void EtcdFace::Stop() { impl_->service->passwords->Stop(); }

net::HttpHandler& EtcdFace::http() { return impl_->http; }

}  // namespace pintle::server::etcd

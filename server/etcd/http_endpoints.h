// What etcd serves over plain HTTP on its client port: /health, /livez, /readyz, /version,
// /metrics, /debug/vars (etcd-api 3.1); pprof.h; the gateway (gateway.h); and replace_member.h.
// Everything else is 404.
//
// Thread: the exchange's. The member outlives it; an answer of the member that comes after the
// exchange's end is dropped.
#pragma once

#include <memory>
#include <string>

#include "net/http.h"
#include "server/etcd/gateway.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

class HttpEndpoints final : public net::HttpHandler {
 public:
  explicit HttpEndpoints(ServicePtr service) : service_(std::move(service)) {}

  // Before the first request, if at all. It outlives this.
  void UseGateway(const Gateway& gateway) { gateway_ = &gateway; }

  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;

 private:
  using ExchangePtr = std::shared_ptr<net::HttpExchange>;

  void Health(const net::HttpRequest& request, ExchangePtr exchange) const;
  void Version(const net::HttpRequest& request, const ExchangePtr& exchange) const;
  void Vars(const net::HttpRequest& request, const ExchangePtr& exchange) const;
  void Metrics(const ExchangePtr& exchange) const;

  const ServicePtr service_;
  const Gateway* gateway_ = nullptr;
};

}  // namespace pintle::server::etcd

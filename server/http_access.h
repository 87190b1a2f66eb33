// HttpAccess: what etcd checks and adds before any HTTP on the client URLs is answered: the host
// that is asked for (against DNS rebinding), and the headers that let browsers' scripts ask.
//
// Owner: Server. Thread: the connections'; immutable. The handler behind it outlives it.
// Source: etcd's server/embed/serve.go, accessController; etcd-api.md §3.1.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/http.h"

namespace pintle::server {

class HttpAccess final : public net::HttpHandler {
 public:
  // Empty, or with "*" in it: anything goes.
  struct Allowed {
    std::vector<std::string> origins;
    std::vector<std::string> hosts;  // asked of requests without TLS only
  };
  HttpAccess(Allowed allowed, net::HttpHandler& inner)
      : allowed_(std::move(allowed)), inner_(inner) {}

  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;

 private:
  const Allowed allowed_;
  net::HttpHandler& inner_;
};

// What the metrics URLs answer: /metrics, /health, /livez, /readyz and what is below the last two.
class MetricsOnly final : public net::HttpHandler {
 public:
  explicit MetricsOnly(net::HttpHandler& inner) : inner_(inner) {}
  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;

 private:
  net::HttpHandler& inner_;
};

// Where only gRPC is answered: with --listen-client-http-urls.
class NoHttp final : public net::HttpHandler {
 public:
  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;
};

}  // namespace pintle::server

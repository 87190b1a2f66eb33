// KubeFace: the Kubernetes API of one member, as an HTTP handler.
//
// Purpose: what kubectl, controllers and informers speak: discovery, OpenAPI, health, and
// get/list/watch/create/update/patch/delete of every row of the resource table, straight over the
// replicated store. There is no cache to fill: reads and watches come from the store's views and
// hub, so that any member answers consistently.
//
// Owner: the server, for as long as it listens. Threads: Handle() on any I/O thread, concurrently
// for different exchanges; an exchange's work stays on its own thread (net/http.h). Order of
// destruction: first the HTTP server (no more Handle), then the member (no more callbacks), then
// this. Limits: bodies by net (413), JSON depth (openapi/decode.h), continue tokens, selectors and
// patch operations here. Errors are answered as Kubernetes Status objects (status_error.h).
// Source: kube-api.md §1–§13; DESIGN §10.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/http.h"
#include "server/replica/local_member.h"

namespace pintle::server::kube {

struct KubeOptions {
  // IPv4, from /12 to /30; the first address belongs to the Service default/kubernetes.
  std::string service_cluster_ip_range = "10.96.0.0/16";
  int first_node_port = 30000;
  int last_node_port = 32767;
  // "host:port" under which clients reach this member's façade; shown by GET /api.
  std::string advertised_address = "127.0.0.1:8080";
  absl::Duration bookmark_interval = absl::Minutes(1);
  // Watches without timeoutSeconds end between one and two of these.
  absl::Duration default_watch_timeout = absl::Minutes(30);
  // The wall clock: creationTimestamp, ages, expiry. Replaced in tests.
  std::function<absl::Time()> now = absl::Now;
};

class KubeFace : public net::HttpHandler {
 public:
  // Fails when an option makes no sense; the message names it. `member` outlives the face.
  static absl::StatusOr<std::unique_ptr<KubeFace>> Create(replica::LocalMember& member,
                                                          KubeOptions options);
  ~KubeFace() override;

  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;

 private:
  class Impl;
  explicit KubeFace(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace pintle::server::kube

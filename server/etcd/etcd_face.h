// EtcdFace: etcd's client API on one member. gRPC services KV, Watch, Lease, Cluster, Maintenance,
// Auth, Lock, Election and grpc.health.v1.Health; /health, /livez, /readyz, /version and /metrics
// over HTTP.
//
// Owner: server/server.cc, which makes it before the net::Server and destroys it after it (the
// router and the handler point into it). Thread: no thread of its own; every call is handled on its
// connection's I/O thread, answers of the member come back there with Executor::Post.
// Limits: EtcdFaceOptions. Errors: kv/errors.h, server/replica/errors.h, server/etcd/errors.h; what
// is not built answers UNIMPLEMENTED and says which method.
// Source: etcd-api 1.0-1.7, 1.9, 1.10, 2, 3.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kv/validate.h"
#include "net/grpc.h"
#include "net/http.h"
#include "server/etcd/auth_jwt.h"
#include "server/etcd/auth_passwords.h"
#include "server/etcd/face_counters.h"
#include "server/replica/local_member.h"
#include "server/version.h"

namespace pintle::server::etcd {

struct AuthOptions {
  std::shared_ptr<const Jwt> jwt;        // --auth-token=jwt,…; absent: simple tokens
  bool client_certificates = false;      // --client-cert-auth: their names are users'
  int bcrypt_cost = kDefaultBcryptCost;  // --bcrypt-cost
  int password_threads = 0;              // 0: passwords are hashed where they come in
};

struct EtcdFaceOptions {
  std::string version{ReportedVersion()};
  std::string cluster_version{ReportedClusterVersion()};  // major.minor.0
  int max_txn_ops = kv::kDefaultMaxTxnOps;
  bool gateway = true;                          // --enable-grpc-gateway
  size_t max_request_bytes = 1'572'864;         // --max-request-bytes: also bounds watch fragments
  int64_t quota_backend_bytes = 2'147'483'648;  // --quota-backend-bytes: told by Status; 0: none
  absl::Duration election_timeout = absl::Seconds(1);  // pace of the "hasleader" check of streams
  absl::Duration watch_progress_interval =
      absl::Minutes(10);  // --watch-progress-notify-interval; at least 100 ms
  // Unsent bytes of one watch stream above which nothing more is pulled from its subscriptions.
  size_t watch_stream_bytes = size_t{1} << 20;
  // Asks another member to take leadership over; `done`, on any thread, says whether that has
  // begun. Absent: MoveLeader is not supported.
  std::function<void(uint64_t target, absl::AnyInvocable<void(absl::Status)> done)> move_leader;
  AuthOptions auth;
  std::function<std::string()> metrics_text;  // body of /metrics; absent: 404
  bool pprof = false;                         // --enable-pprof
};

class EtcdFace {
 public:
  EtcdFace(replica::LocalMember& member, EtcdFaceOptions options);
  ~EtcdFace();
  EtcdFace(const EtcdFace&) = delete;
  EtcdFace& operator=(const EtcdFace&) = delete;

  // Adds every method. Once, before the server starts; the router outlives the server.
  void Register(net::GrpcRouter& router);

  const FaceCounters& counters() const;
  // Ends the work that goes on beside the I/O threads; before they end.
  void Stop();

  // Answers everything that is not gRPC; unknown paths with 404.
  net::HttpHandler& http();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pintle::server::etcd

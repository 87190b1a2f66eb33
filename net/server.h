// Server: listens, and speaks HTTP/1.1, HTTP/2 and gRPC on every port (told apart by the 24-byte
// HTTP/2 preface; gRPC by its content-type).
//
// Threads: IoThreads owns N threads, each with one event loop; a listener's connections are dealt
// to them in turn. Owner: server/server.cc. Stop() drains, lets calls under way finish up to a
// grace time, then closes; neither is to be called on one of the I/O threads. The handlers outlive
// the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/executor.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/keepalive.h"
#include "net/tls_policy.h"

namespace pintle::net {

class IoThreads {
 public:
  explicit IoThreads(int count);
  ~IoThreads();  // Stop()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  int count() const;
  Executor& executor(int i);
  void Stop();  // joins; work not yet run is dropped

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct ServerOptions {
  size_t max_grpc_message_bytes = size_t{2} << 20;
  size_t max_http_body_bytes = kMostHttpBodyBytes;
  size_t max_header_bytes = kMostHeadBytes;
  // Per connection, refused softly (gRPC status / 503) above it; what their heads take is bounded
  // too (http2_session.h). Above 2^30: any number.
  uint32_t max_concurrent_streams = 10000;
  int max_connections = 10000;
  Keepalive keepalive;
  bool reuse_port = false;  // SO_REUSEPORT on listeners
  // A request was refused before anybody saw it, for its head; a few per second at most. Any I/O
  // thread.
  std::function<void(const std::string& address, const std::string& why)> on_refused;
};

class Server {
 public:
  // `grpc` may be null (HTTP only), `http` answers everything that is not gRPC.
  Server(IoThreads& threads, ServerOptions options, const GrpcRouter* grpc, HttpHandler& http);
  ~Server();

  // What is spoken at one place: TLS where there is a policy, and plain text where there is none or
  // `plain` says so too.
  struct Security {
    std::shared_ptr<TlsPolicy> tls;
    bool plain = false;
  };
  // "127.0.0.1", "::1", "0.0.0.0", "localhost"; port 0 picks a free one. Returns the port.
  // Error when it is in use: FAILED_PRECONDITION "listen tcp 127.0.0.1:2379: bind: address already
  // in use".
  absl::StatusOr<uint16_t> Listen(const std::string& host, uint16_t port, Security security);
  absl::StatusOr<uint16_t> Listen(const std::string& host, uint16_t port) {
    return Listen(host, port, Security());
  }
  // A socket at `path`; one that is there is replaced, and removed with the listener.
  absl::Status ListenUnix(const std::string& path, Security security);
  // Refuses new connections and tells HTTP/2 clients GOAWAY; calls under way go on. Before a Stop.
  void Drain();
  void Stop(absl::Duration grace);

  struct Counters {
    uint64_t connections_open = 0;
    uint64_t bytes_received = 0;
    uint64_t bytes_sent = 0;
  };
  Counters counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pintle::net

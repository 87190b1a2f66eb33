// HttpClient: HTTP/1.1 requests to one host, with kept-alive connections and streamed answers (for
// watches).
//
// Thread: one Executor; call and be called back there. Destroying the handle of a request cancels
// it and closes its connection. Limits: HttpClientOptions; more requests than connections wait in
// order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/executor.h"
#include "net/http.h"
#include "net/tls_policy.h"

namespace pintle::net {

struct HttpClientOptions {
  absl::Duration connect_timeout = absl::Seconds(5);
  size_t max_body_bytes = size_t{256} << 20;
  int max_connections = 64;
  std::shared_ptr<TlsPolicy> tls;  // null: plain
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string target;  // path and query, percent-encoded
  Headers headers;     // Host and Content-Length are filled in
  std::string body;
  absl::Duration timeout =
      absl::Seconds(30);  // until the answer is whole; for Stream: until its head
};

struct HttpClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class HttpClient {
 public:
  // `executor` must be one of IoThreads'. host: name or address.
  HttpClient(Executor& executor, std::string host, uint16_t port, HttpClientOptions options = {});
  ~HttpClient();

  class Handle {
   public:
    virtual ~Handle() = default;
  };

  using Done = absl::AnyInvocable<void(absl::StatusOr<HttpClientResponse>)>;  // error: UNAVAILABLE,
                                                                              // DEADLINE_EXCEEDED
  [[nodiscard]] std::unique_ptr<Handle> Send(HttpClientRequest request, Done done);

  // An endless answer: head first, then pieces as they come, then on_end (OK: finished by the
  // server).
  struct StreamCallbacks {
    absl::AnyInvocable<void(int status, const Headers&)> on_head;
    absl::AnyInvocable<void(std::string_view piece)> on_piece;
    absl::AnyInvocable<void(absl::Status)> on_end;
  };
  [[nodiscard]] std::unique_ptr<Handle> Stream(HttpClientRequest request,
                                               StreamCallbacks callbacks);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pintle::net

// HTTP as a server's handlers see it, whichever of HTTP/1.1 and HTTP/2 (h2c prior knowledge)
// carried it.
//
// Thread: handler, exchange and callbacks belong to the connection's I/O thread
// (Exchange::executor()). An exchange is kept alive by shared_ptr; after the client went away its
// calls do nothing and return false. Limits (net::ServerOptions): header bytes, body bytes (413
// before the handler sees it), exchanges per connection, unsent response bytes per exchange.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "net/executor.h"
#include "net/room.h"

namespace pintle::net {

// Of a request's fields together, as Go's net/http has it.
inline constexpr size_t kMostHeadBytes = size_t{1} << 20;
// Of a body, and of what a WebSocket brings for one request.
inline constexpr size_t kMostHttpBodyBytes = size_t{3} << 20;

// Names are stored in lower case; order and repetition are kept.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // First value of that name (given in lower case); empty when absent.
  std::string_view Get(std::string_view name) const {
    for (const auto& [n, v] : fields_) {
      if (n == name) return v;
    }
    return {};
  }
  bool Has(std::string_view name) const {
    for (const auto& [n, v] : fields_) {
      if (n == name) return true;
    }
    return false;
  }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // upper case
  std::string path;    // still percent-encoded, without query
  std::string query;   // without '?'
  Headers headers;
  std::string body;     // whole
  std::string peer;     // "127.0.0.1:50123", for logs
  bool secure = false;  // came by TLS
};

class HttpExchange : public Room {
 public:
  // The whole answer at once. Content-Length is filled in. Once per exchange, instead of
  // Start/Write/Finish.
  virtual void Respond(int status, Headers headers, std::string body) = 0;

  // A streamed answer (chunked in HTTP/1.1, DATA frames in HTTP/2): each Write is flushed.
  virtual void Start(int status, Headers headers) = 0;
  virtual bool Write(std::string chunk) = 0;  // false: the client is gone
  virtual void Finish() = 0;

  // Bytes taken by Write and not yet accepted by the kernel. A producer pauses when WantsMore is
  // false and goes on in on_drain.
  virtual size_t unsent_bytes() const = 0;
  bool WantsMore(size_t most_unsent_bytes) override { return unsent_bytes() < most_unsent_bytes; }
  // Each time unsent_bytes falls below 64 KiB, and after WantsMore was false.
  virtual void OnDrain(absl::AnyInvocable<void()> callback) = 0;
  virtual void OnClose(
      absl::AnyInvocable<void()> callback) = 0;  // client gone or answer finished; once

  virtual Executor& executor() = 0;

  // Takes a WebSocket client's offer (OffersWebSocket), instead of Respond or Start. From then on
  // each Write is one text message, Finish closes, and `on_message` gets what the client sends,
  // until OnClose. False: that cannot be done here, and the request is still to be answered.
  virtual bool Upgrade(Headers headers, absl::AnyInvocable<void(std::string)> on_message);
};

// Whether the client asks for a WebSocket there (RFC 6455; HTTP/1.1 only).
bool OffersWebSocket(const HttpRequest& request);

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void Handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) = 0;
};

// Percent-decoding for paths (plus_is_space=false) and query values (true). False: malformed
// escape.
bool PercentDecode(std::string_view in, bool plus_is_space, std::string& out);
std::string PercentEncode(std::string_view in);  // all but RFC 3986 unreserved characters

}  // namespace pintle::net

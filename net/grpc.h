// gRPC as a server's services see it: method by full path, messages as bytes, status at the end.
//
// Source: "gRPC over HTTP/2" (PROTOCOL-HTTP2.md). Messages are bytes because the hot path splices
// stored bytes into replies; services parse and build Protobuf themselves. Thread: everything on
// the connection's I/O thread (GrpcCall::executor()); a call is kept alive by shared_ptr, and after
// it ended (cancel, deadline, connection gone) Send and Finish do nothing. Limits
// (net::ServerOptions): received message size (RESOURCE_EXHAUSTED "grpc: received message larger
// than max (N vs. M)"), metadata bytes, concurrent calls per connection; unsent bytes of streams
// are the service's to watch, with WantsMore/OnDrain, unary answers wait for room (net/room.h).
// Handled below this interface: compression refused
// with UNIMPLEMENTED, deadlines (DEADLINE_EXCEEDED), unknown methods (UNIMPLEMENTED "unknown
// service …" / "unknown method …"), malformed frames (INTERNAL), percent-encoded grpc-message.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "net/executor.h"
#include "net/grpc_stats.h"
#include "net/http.h"
#include "net/room.h"

namespace pintle::net {

class GrpcCall : public Room {
 public:
  virtual const Headers& metadata() const = 0;
  virtual std::string_view peer() const = 0;
  // Of the client's verified certificate; empty: it showed none, or none was asked for.
  virtual std::string_view common_name() const { return {}; }

  // Queues one response message. False when the call has ended.
  virtual bool Send(std::string message) = 0;
  // Ends the call with this status; code and message go to the client as they are. Once.
  virtual void Finish(const absl::Status& status) = 0;
  // Unary answer: Send + Finish(OK), leaving in one piece.
  virtual void Reply(std::string message) = 0;

  virtual size_t unsent_bytes() const = 0;
  bool WantsMore(size_t most_unsent_bytes) override { return unsent_bytes() < most_unsent_bytes; }
  // Each time unsent_bytes falls below 64 KiB, and after WantsMore was false.
  virtual void OnDrain(absl::AnyInvocable<void()> callback) = 0;
  virtual void OnClose(absl::AnyInvocable<void()> callback) = 0;  // cancelled, deadline, connection
                                                                  // gone, or finished; once

  virtual Executor& executor() = 0;
};

// A unary method: gets the one request message.
using UnaryMethod = std::function<void(std::string request, std::shared_ptr<GrpcCall> call)>;

// A streaming method: `open` makes the handler of one call; messages come in order,
// flow-controlled.
class GrpcStreamHandler {
 public:
  virtual ~GrpcStreamHandler() = default;
  virtual void OnMessage(std::string message) = 0;
  virtual void OnHalfClose() = 0;  // the client will send no more
};
using StreamMethod =
    std::function<std::unique_ptr<GrpcStreamHandler>(std::shared_ptr<GrpcCall> call)>;

// A method and the counts of its calls.
template <typename Method>
struct GrpcEntry {
  Method method;
  std::unique_ptr<GrpcMethodStats> stats = std::make_unique<GrpcMethodStats>();

  template <typename... Arguments>
  auto operator()(Arguments&&... arguments) const {
    return method(std::forward<Arguments>(arguments)...);
  }
};

// Methods by path ("/etcdserverpb.KV/Put"). Filled before the server starts, immutable afterwards.
class GrpcRouter {
 public:
  template <typename Method>
  using Methods = std::map<std::string, GrpcEntry<Method>, std::less<>>;

  void Unary(std::string path, UnaryMethod method) {
    unary_[std::move(path)].method = std::move(method);
  }
  void Stream(std::string path, StreamMethod method) {
    stream_[std::move(path)].method = std::move(method);
  }
  const Methods<UnaryMethod>& unary() const { return unary_; }
  const Methods<StreamMethod>& stream() const { return stream_; }

 private:
  Methods<UnaryMethod> unary_;
  Methods<StreamMethod> stream_;
};

}  // namespace pintle::net

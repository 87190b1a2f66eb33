// GrpcChannel: gRPC calls to one address over one HTTP/2 connection, plain (h2c) or under TLS,
// reconnecting on the next call.
//
// Thread: one Executor (of IoThreads); call and be called back there. Not a general client: what
// client/ and pintle-bench need (unary, bidirectional streams, deadlines, cancel).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/executor.h"
#include "net/tls_policy.h"

namespace pintle::net {

class GrpcChannel {
 public:
  // `tls`: null for a plain connection.
  GrpcChannel(Executor& executor, std::string host, uint16_t port,
              std::shared_ptr<TlsPolicy> tls = nullptr);
  ~GrpcChannel();  // calls under way end with CANCELLED

  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;  // status code and message as
                                                                       // the server sent them
  // `token`, when there is one, goes along as etcd's metadata of that name.
  void Unary(std::string path, std::string request, absl::Duration timeout, Done done,
             std::string token = {});

  class Stream {
   public:
    virtual ~Stream() = default;  // cancels (RST_STREAM)
    virtual void Send(std::string message) = 0;
    virtual void HalfClose() = 0;
  };
  struct StreamCallbacks {
    absl::AnyInvocable<void(std::string message)> on_message;
    absl::AnyInvocable<void(absl::Status)> on_end;  // once, unless the handle is destroyed first
  };
  [[nodiscard]] std::unique_ptr<Stream> Open(std::string path, StreamCallbacks callbacks,
                                             std::string token = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pintle::net

// GatewayCall: one request of the gateway: from JSON to a method's messages and back.
//
// Over a WebSocket the client's messages are pieces of one stream of JSON values, each with a line
// break behind it, as etcd's proxy has it: a value may go on in the next one, but not in the middle
// of a string or a number. Each line of the answer is one message; the token stands in
// Sec-WebSocket-Protocol ("Bearer, …") or in the cookie "token", as browsers cannot set headers.
//
// Kept by the exchange's and the call's callbacks; gone when both have ended. Thread: the
// exchange's.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/http.h"
#include "server/etcd/gateway_json.h"
#include "server/etcd/local_call.h"

namespace pintle::server::etcd {

class GatewayCall : public std::enable_shared_from_this<GatewayCall> {
 public:
  GatewayCall(const google::protobuf::MethodDescriptor& method,
              std::shared_ptr<net::HttpExchange> exchange)
      : method_(method), exchange_(std::move(exchange)) {}

  void Begin(const net::GrpcRouter& router, const net::HttpRequest& request);
  void BeginWebSocket(const net::GrpcRouter& router, const net::HttpRequest& request);

  // For what never becomes a call, too.
  static void RespondError(net::HttpExchange& exchange, const absl::Status& status);
  static void RespondErrorBySocket(net::HttpExchange& exchange, const absl::Status& status);

 private:
  absl::StatusOr<std::vector<std::string>> ReadMessages(std::string_view body) const;
  void Open(const net::GrpcRouter& router, net::Headers metadata, const std::string& peer);
  void TakeFromSocket(std::string_view text);
  absl::Status TakePiece(std::string_view text);
  void OnMessage(const std::string& bytes);
  void OnEnd(const absl::Status& status);
  void OnTimeout();
  void Stream(std::string json);
  void Close();

  const google::protobuf::MethodDescriptor& method_;
  const std::shared_ptr<net::HttpExchange> exchange_;
  std::shared_ptr<LocalCall> call_;
  std::unique_ptr<net::Executor::Timer> deadline_;
  std::string answer_;   // a unary method's
  bool socket_ = false;  // a WebSocket
  JsonStream pieces_{net::kMostHttpBodyBytes};
  bool asked_ = false;  // all that the method wants to know has come
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace pintle::server::etcd

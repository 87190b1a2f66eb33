// GatewayCall: one request of the gateway: from JSON to a method's messages and back.
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
#include "server/etcd/local_call.h"

namespace pintle::server::etcd {

class GatewayCall : public std::enable_shared_from_this<GatewayCall> {
 public:
  GatewayCall(const google::protobuf::MethodDescriptor& method,
              std::shared_ptr<net::HttpExchange> exchange)
      : method_(method), exchange_(std::move(exchange)) {}

  void Begin(const net::GrpcRouter& router, const net::HttpRequest& request);

  // For what never becomes a call, too.
  static void RespondError(net::HttpExchange& exchange, const absl::Status& status);

 private:
  absl::StatusOr<std::vector<std::string>> ReadMessages(std::string_view body) const;
  void OnMessage(const std::string& bytes);
  void OnEnd(const absl::Status& status);
  void OnTimeout();
  void Stream(std::string line);
  void Close();

  const google::protobuf::MethodDescriptor& method_;
  const std::shared_ptr<net::HttpExchange> exchange_;
  std::shared_ptr<LocalCall> call_;
  std::unique_ptr<net::Executor::Timer> deadline_;
  std::string answer_;  // a unary method's
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace pintle::server::etcd

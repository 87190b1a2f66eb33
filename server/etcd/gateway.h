// Gateway: etcd's API as JSON over HTTP: POST /v3/kv/range and its sisters (etcd-api 3.2).
//
// A table of paths and gRPC methods; the messages' types come from Protobuf's descriptors, and a
// request goes through LocalCall to the same method that serves the wire: limits, checks, rights
// and errors are that one's. Streams answer with one {"result":…} per line as they come, and take
// their requests as a sequence of JSON objects from the body.
//
// Headers: Authorization goes on as the call's metadata, so does Grpc-Metadata-<name> (without the
// prefix); Grpc-Timeout is the call's deadline. Errors: {"error":text,"code":number,"message":text}
// with the HTTP status that belongs to the code. Thread: the exchange's; holds nothing that
// changes. Limits: the HTTP body's; what a stream's client does not take holds up the method.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "net/grpc.h"
#include "net/http.h"

namespace google::protobuf {
class MethodDescriptor;
}

namespace pintle::server::etcd {

class Gateway {
 public:
  // The router is filled, and outlives the gateway and every call.
  explicit Gateway(const net::GrpcRouter& router);

  // False: the path is not below /v3 (or its old name /v3beta).
  bool Handle(const net::HttpRequest& request,
              const std::shared_ptr<net::HttpExchange>& exchange) const;

 private:
  const net::GrpcRouter& router_;
  std::map<std::string, const google::protobuf::MethodDescriptor*, std::less<>> methods_;
};

// The HTTP status of a gRPC code (a number, 0 to 16).
int HttpStatusOfGrpc(int code);

}  // namespace pintle::server::etcd

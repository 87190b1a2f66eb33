// The gateway's JSON: Protobuf's mapping as grpc-gateway uses it (etcd-api 3.2). Field names as in
// the proto files (lowerCamel is taken, too), 64-bit numbers as strings, bytes in base64, enums by
// name, zero values left out, unknown fields ignored; no white space.
//
// Pure functions. Limits: depth of nesting kMaxDepth; the size is the HTTP body's (net).
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace google::protobuf {
class Descriptor;
}

namespace pintle::server::etcd {

inline constexpr int kMaxDepth = 64;

// Takes the first JSON value off the front of `body`. False: there is none, only white space. What
// is not whole or not balanced is INVALID_ARGUMENT.
absl::StatusOr<bool> NextJson(std::string_view& body, std::string_view& value);

// A JSON object as the bytes of a message of that type. Errors: INVALID_ARGUMENT.
absl::StatusOr<std::string> JsonToBytes(const google::protobuf::Descriptor& type,
                                        std::string_view json);
// The other way round. Errors: INTERNAL, when the bytes are no such message.
absl::StatusOr<std::string> BytesToJson(const google::protobuf::Descriptor& type,
                                        std::string_view bytes);
// `text` as a JSON string, quotes included; what is no UTF-8 is replaced.
std::string QuoteJson(std::string_view text);

}  // namespace pintle::server::etcd

// The gateway's JSON: Protobuf's mapping as grpc-gateway uses it (etcd-api 3.2). Field names as in
// the proto files (lowerCamel is taken, too), 64-bit numbers as strings, bytes in base64, enums by
// name, zero values left out, unknown fields ignored; no white space.
//
// Pure. Limits: depth of nesting kMaxDepth; the size is the HTTP body's (net).
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

// Where the value at the front of a text ends, which may come in pieces. Follows brackets and
// strings only: whether it is JSON is for the parser to say.
class JsonExtent {
 public:
  // `text` begins as in the call before, and has grown. 0: the value is not whole yet.
  absl::StatusOr<size_t> Of(std::string_view text);
  // In the middle of an object, a list or a string.
  bool open() const { return depth_ > 0 || in_string_; }

 private:
  void Inside(char c);

  size_t looked_at_ = 0;
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

// JSON values that come in pieces of any size: what a WebSocket brings. Each byte is looked at
// once. Memory: what of a value has come, up to `most_bytes`.
class JsonStream {
 public:
  explicit JsonStream(size_t most_bytes) : most_bytes_(most_bytes) {}

  // INVALID_ARGUMENT: what is not taken yet is more than `most_bytes`.
  absl::Status Add(std::string_view piece);
  // Takes the next value, good until the next call. False: it is not whole yet.
  absl::StatusOr<bool> Next(std::string_view& value);

 private:
  const size_t most_bytes_;
  std::string bytes_;
  size_t begin_ = 0;  // of what is not taken yet
  JsonExtent extent_;
};

// A JSON object as the bytes of a message of that type. Errors: INVALID_ARGUMENT.
absl::StatusOr<std::string> JsonToBytes(const google::protobuf::Descriptor& type,
                                        std::string_view json);
// The other way round. Errors: INTERNAL, when the bytes are no such message.
absl::StatusOr<std::string> BytesToJson(const google::protobuf::Descriptor& type,
                                        std::string_view bytes);
// `text` as a JSON string, quotes included; what is no UTF-8 is replaced.
std::string QuoteJson(std::string_view text);

}  // namespace pintle::server::etcd

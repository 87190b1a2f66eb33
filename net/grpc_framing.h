// The parts of gRPC over HTTP/2 that are pure text and bytes: message prefix, timeout header,
// percent-coded message.
//
// Source: PROTOCOL-HTTP2.md of grpc/grpc; error texts are those of grpc-go, which etcd's clients
// know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace pintle::net {

inline constexpr size_t kGrpcPrefixBytes = 5;

// One byte "not compressed", four bytes of length.
std::string GrpcPrefix(size_t message_bytes);

// Cuts a stream of bytes into messages.
class GrpcDeframer {
 public:
  explicit GrpcDeframer(size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  enum class Result { kNeedMore, kMessage, kError };
  // Takes from the front of `bytes`. kMessage: `message` is whole, call again. kError: see error();
  // the stream is over.
  Result Next(std::string_view& bytes, std::string& message);

  const absl::Status& error() const { return error_; }
  bool mid_message() const { return prefix_bytes_ > 0; }
  size_t buffered_bytes() const { return message_.size(); }

 private:
  bool TakePrefix(std::string_view& bytes);

  size_t max_message_bytes_;
  char prefix_[kGrpcPrefixBytes];
  size_t prefix_bytes_ = 0;
  size_t message_bytes_ = 0;  // length of the message under way, once the prefix is whole
  std::string message_;
  absl::Status error_;
};

// "100m" and the like: at most eight digits and a unit of H M S m u n.
std::optional<absl::Duration> ParseGrpcTimeout(std::string_view text);
std::string FormatGrpcTimeout(absl::Duration timeout);

// grpc-message: printable ASCII but '%' stays, every other byte is %XX. Decoding keeps malformed
// escapes as they are.
std::string EncodeGrpcMessage(std::string_view message);
std::string DecodeGrpcMessage(std::string_view text);

// "application/grpc", "application/grpc+proto", "application/grpc;…".
bool IsGrpcContentType(std::string_view content_type);

}  // namespace pintle::net

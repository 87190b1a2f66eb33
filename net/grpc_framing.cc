#include "net/grpc_framing.h"

#include <algorithm>
#include <cstring>

#include "net/concat.h"

namespace pintle::net {

std::string GrpcPrefix(size_t message_bytes) {
  std::string prefix(kGrpcPrefixBytes, '\0');
  for (size_t i = 0; i < 4; ++i) {
    prefix[4 - i] = static_cast<char>((message_bytes >> (8 * i)) & 0xff);
  }
  return prefix;
}

bool GrpcDeframer::TakePrefix(std::string_view& bytes) {
  const size_t count = std::min(bytes.size(), kGrpcPrefixBytes - prefix_bytes_);
  std::memcpy(prefix_ + prefix_bytes_, bytes.data(), count);
  prefix_bytes_ += count;
  bytes.remove_prefix(count);
  if (prefix_bytes_ < kGrpcPrefixBytes) return false;
  message_bytes_ = 0;
  for (size_t i = 1; i < kGrpcPrefixBytes; ++i) {
    message_bytes_ = message_bytes_ << 8 | static_cast<unsigned char>(prefix_[i]);
  }
  if (prefix_[0] == 1) {
    error_ = absl::InternalError("grpc: compressed flag set with identity or empty encoding");
  } else if (prefix_[0] != 0) {
    error_ = absl::InternalError(
        Concat("grpc: received unexpected payload format ", static_cast<int>(prefix_[0])));
  } else if (message_bytes_ > max_message_bytes_) {
    error_ = absl::ResourceExhaustedError(Concat("grpc: received message larger than max (",
                                                 message_bytes_, " vs. ", max_message_bytes_, ")"));
  }
  return true;
}

GrpcDeframer::Result GrpcDeframer::Next(std::string_view& bytes, std::string& message) {
  if (!error_.ok()) return Result::kError;
  if (prefix_bytes_ < kGrpcPrefixBytes) {
    if (!TakePrefix(bytes)) return Result::kNeedMore;
    if (!error_.ok()) return Result::kError;
  }
  const size_t count = std::min(bytes.size(), message_bytes_ - message_.size());
  message_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  if (message_.size() < message_bytes_) return Result::kNeedMore;
  message = std::move(message_);
  message_.clear();
  prefix_bytes_ = 0;
  return Result::kMessage;
}

std::optional<absl::Duration> ParseGrpcTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  int64_t amount = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    amount = amount * 10 + (c - '0');
  }
  switch (text.back()) {
    case 'H':
      return absl::Hours(amount);
    case 'M':
      return absl::Minutes(amount);
    case 'S':
      return absl::Seconds(amount);
    case 'm':
      return absl::Milliseconds(amount);
    case 'u':
      return absl::Microseconds(amount);
    case 'n':
      return absl::Nanoseconds(amount);
    default:
      return std::nullopt;
  }
}

std::string FormatGrpcTimeout(absl::Duration timeout) {
  constexpr int64_t kMaxAmount = 99999999;  // eight digits
  const int64_t milliseconds = std::max<int64_t>(absl::ToInt64Milliseconds(timeout), 1);
  if (milliseconds <= kMaxAmount) return Concat(milliseconds, "m");
  return Concat(std::min(absl::ToInt64Seconds(timeout), kMaxAmount), "S");
}

std::string EncodeGrpcMessage(std::string_view message) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    }
  }
  return out;
}

std::string DecodeGrpcMessage(std::string_view text) {
  const auto hex = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool IsGrpcContentType(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!content_type.starts_with(kGrpc)) return false;
  content_type.remove_prefix(kGrpc.size());
  return content_type.empty() || content_type[0] == '+' || content_type[0] == ';';
}

}  // namespace pintle::net

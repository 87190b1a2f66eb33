#include "net/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

#include "net/concat.h"

namespace pintle::net {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kKeyCharacters = 24;  // 16 bytes in base64
constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kMasked = 0x80;
constexpr size_t kMaskBytes = 4;
constexpr size_t kMostControlBytes = 125;
constexpr uint8_t kTwoByteLength = 126;
constexpr uint8_t kEightByteLength = 127;

void AppendBigEndian(std::string& out, uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<uint8_t>(c);
  return number;
}

// The bytes of length behind the second.
size_t LengthBytes(uint8_t second) {
  const uint8_t length = second & 0x7f;
  if (length == kTwoByteLength) return 2;
  return length == kEightByteLength ? 8 : 0;
}

bool IsControl(WebSocketOpcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

bool IsKnown(WebSocketOpcode opcode) {
  const auto number = static_cast<uint8_t>(opcode);
  return number <= 2 || (number >= 8 && number <= 10);
}

WebSocketOpcode OpcodeOf(char first) { return static_cast<WebSocketOpcode>(first & 0x0f); }

}  // namespace

std::optional<std::string> WebSocketAccept(const Headers& offer) {
  const std::string_view key = offer.Get("sec-websocket-key");
  if (offer.Get("sec-websocket-version") != "13" || key.size() != kKeyCharacters) {
    return std::nullopt;
  }
  const std::string text = Concat(key, kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> base64{};
  const int size = EVP_EncodeBlock(base64.data(), digest.data(), SHA_DIGEST_LENGTH);
  return std::string(reinterpret_cast<const char*>(base64.data()), static_cast<size_t>(size));
}

std::string WebSocketFrame(WebSocketOpcode opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 10);
  frame.push_back(static_cast<char>(kFinal | static_cast<uint8_t>(opcode)));
  if (payload.size() < kTwoByteLength) {
    frame.push_back(static_cast<char>(payload.size()));
  } else if (payload.size() <= UINT16_MAX) {
    frame.push_back(kTwoByteLength);
    AppendBigEndian(frame, payload.size(), 2);
  } else {
    frame.push_back(kEightByteLength);
    AppendBigEndian(frame, payload.size(), 8);
  }
  return frame.append(payload);
}

std::string WebSocketCloseFrame(uint16_t code) {
  std::string payload;
  AppendBigEndian(payload, code, 2);
  return WebSocketFrame(WebSocketOpcode::kClose, payload);
}

WebSocketReader::Event WebSocketReader::Break(uint16_t code) {
  close_code_ = code;
  return Event::kBroken;
}

bool WebSocketReader::TakeHeader(std::string_view& bytes) {
  for (;;) {
    size_t wanted = 2;
    if (header_.size() >= 2) {
      const auto second = static_cast<uint8_t>(header_[1]);
      wanted += LengthBytes(second) + ((second & kMasked) != 0 ? kMaskBytes : 0);
    }
    if (header_.size() == wanted) return true;
    if (bytes.empty()) return false;
    const size_t taken = std::min(wanted - header_.size(), bytes.size());
    header_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
}

// False: close_code_ is set.
bool WebSocketReader::CheckHeader() {
  const auto first = static_cast<uint8_t>(header_[0]);
  const auto second = static_cast<uint8_t>(header_[1]);
  const WebSocketOpcode opcode = OpcodeOf(header_[0]);
  const size_t length_bytes = LengthBytes(second);
  left_ = length_bytes == 0 ? second & 0x7f
                            : BigEndian(std::string_view(header_).substr(2, length_bytes));
  masked_ = 0;
  close_code_ = kWebSocketProtocolError;
  if ((first & kReserved) != 0 || (second & kMasked) == 0 || !IsKnown(opcode)) return false;
  const bool final = (first & kFinal) != 0;
  if (IsControl(opcode)) {
    if (!final || left_ > kMostControlBytes) return false;
  } else {
    if ((opcode == WebSocketOpcode::kContinuation) != in_message_) return false;
    close_code_ = kWebSocketMessageTooBig;
    if (left_ > max_message_bytes_ - message_.size()) return false;
  }
  close_code_ = 0;
  return true;
}

WebSocketReader::Event WebSocketReader::EndFrame() {
  const WebSocketOpcode opcode = OpcodeOf(header_[0]);
  const bool final = (static_cast<uint8_t>(header_[0]) & kFinal) != 0;
  header_.clear();
  in_payload_ = false;
  if (IsControl(opcode)) {
    delivered_ = std::exchange(control_, std::string());
    if (opcode == WebSocketOpcode::kPong) return Event::kNothing;
    return opcode == WebSocketOpcode::kPing ? Event::kPing : Event::kClose;
  }
  in_message_ = !final;
  if (!final) return Event::kNothing;
  delivered_ = std::exchange(message_, std::string());
  return Event::kMessage;
}

WebSocketReader::Event WebSocketReader::Next(std::string_view& bytes) {
  if (close_code_ != 0) return Event::kBroken;
  for (;;) {
    if (!in_payload_) {
      if (!TakeHeader(bytes)) return Event::kNothing;
      if (!CheckHeader()) return Event::kBroken;
      in_payload_ = true;
    }
    std::string& out = IsControl(OpcodeOf(header_[0])) ? control_ : message_;
    const size_t taken = std::min<uint64_t>(left_, bytes.size());
    const std::string_view mask = std::string_view(header_).substr(header_.size() - kMaskBytes);
    for (const char c : bytes.substr(0, taken)) {
      out.push_back(static_cast<char>(c ^ mask[masked_++ % kMaskBytes]));
    }
    bytes.remove_prefix(taken);
    left_ -= taken;
    if (left_ > 0) return Event::kNothing;
    if (const Event event = EndFrame(); event != Event::kNothing) return event;
  }
}

}  // namespace pintle::net

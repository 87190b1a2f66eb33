// WebSockets, the server's end: the handshake's arithmetic and the frames. Bytes in, events out;
// no connection. Private to net/.
//
// Text and binary messages are taken alike; whether they are UTF-8 is for whoever reads them.
// Refused, with the close code that RFC 6455 has for it: frames without a mask, reserved bits and
// opcodes, control frames that are long or in pieces (1002), messages above the limit (1009).
// Memory: one message, which grows with what arrives and never with what a length claims.
// Source: RFC 6455, sections 4.2 and 5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace pintle::net {

// Of the answer to this offer (OffersWebSocket): Sec-WebSocket-Accept. Nothing: it is not as
// version 13 has it.
std::optional<std::string> WebSocketAccept(const Headers& offer);

enum class WebSocketOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

inline constexpr uint16_t kWebSocketNormalClosure = 1000;
inline constexpr uint16_t kWebSocketProtocolError = 1002;
inline constexpr uint16_t kWebSocketMessageTooBig = 1009;

// One whole frame, as a server sends it.
std::string WebSocketFrame(WebSocketOpcode opcode, std::string_view payload);
std::string WebSocketCloseFrame(uint16_t code);

class WebSocketReader {
 public:
  explicit WebSocketReader(size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  enum class Event {
    kNothing,  // more bytes are needed
    kMessage,  // payload() is a whole one
    kPing,     // payload() is to be sent back
    kClose,    // the client closes
    kBroken,   // close_code() says why; nothing more is read
  };
  // Takes bytes off the front, up to the next event.
  Event Next(std::string_view& bytes);
  std::string& payload() { return delivered_; }
  uint16_t close_code() const { return close_code_; }

 private:
  bool TakeHeader(std::string_view& bytes);  // true: it is whole
  bool CheckHeader();
  Event Break(uint16_t code);
  Event EndFrame();

  const size_t max_message_bytes_;
  std::string header_;  // of the frame under way
  bool in_payload_ = false;
  uint64_t left_ = 0;    // of its payload
  size_t masked_ = 0;    // bytes of it unmasked so far
  std::string message_;  // pieces so far
  bool in_message_ = false;
  std::string control_;
  std::string delivered_;
  uint16_t close_code_ = 0;
};

}  // namespace pintle::net

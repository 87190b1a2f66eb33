// Dial: resolves a host and connects, within a time. Private to net/.
#pragma once

#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/event_loop.h"

namespace pintle::net {

// UNAVAILABLE "dial tcp 127.0.0.1:2379: connect: connection refused", in Go's words.
using Dialed = absl::AnyInvocable<void(absl::StatusOr<asio::ip::tcp::socket>)>;

class DialAttempt {
 public:
  virtual ~DialAttempt() = default;  // cancels: `done` does not run any more
};

// On the loop's thread; `done` runs there, never from inside Dial.
[[nodiscard]] std::unique_ptr<DialAttempt> Dial(EventLoop& loop, const std::string& host,
                                                uint16_t port, absl::Duration timeout, Dialed done);

// "host:port", with brackets around an IPv6 address.
std::string HostPort(const std::string& host, uint16_t port);

}  // namespace pintle::net

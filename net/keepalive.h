// Keepalive: pings of HTTP/2, both ways, as grpc-go's server does them. Plain values. TCP's own
// keep-alive is always on.
//
// Source: grpc-go's internal/transport/http2_server.go (handlePing, keepalive).
#pragma once

#include "absl/time/time.h"

namespace pintle::net {

struct Keepalive {
  // A client that pings more often than this while it has calls, or more often than every two hours
  // while it has none, and goes on after two such pings, is sent away: GOAWAY ENHANCE_YOUR_CALM
  // "too_many_pings". Sending it something forgives. Zero: it may ping as it likes.
  absl::Duration least_between_pings;
  // Who was silent for so long (to a quarter of it) is pinged, and closed when nothing comes within
  // `answer`. Zero: never.
  absl::Duration silence;
  absl::Duration answer = absl::Seconds(20);
};

}  // namespace pintle::net

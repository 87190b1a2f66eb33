// Room: whether a connection has taken enough of its answers for another one to be made.
//
// A client that asks and does not read must not make us keep all that it asked for. So requests
// wait for room before they reach their handler, and a handler that comes back with what was read
// or applied meanwhile asks again before it puts the answer together. With room, which there nearly
// always is, that is one comparison.
//
// Streamed answers do not wait here: their producers watch unsent_bytes (net/grpc.h, net/http.h),
// so that a stream which nobody reads holds up no call beside it. Thread: the connection's. Limit:
// Http2Session::kMaxUnsentAnswerBytes.
#pragma once

#include "absl/functional/any_invocable.h"

namespace pintle::net {

class Room {
 public:
  virtual ~Room() = default;

  // The default is for what no such connection stands behind: there is always room.
  virtual bool HasRoom() const { return true; }
  // Runs `work` once there is room; drops it when the client goes first. One at a time.
  virtual void OnRoom(absl::AnyInvocable<void()> work) { work(); }
};

}  // namespace pintle::net

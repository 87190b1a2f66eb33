// Room: whether a connection has taken enough of its answers for another one to be made.
//
// A client that asks and does not read must not make us keep all that it asked for. So requests
// wait for room before they reach their handler, and a handler that comes back with what was read
// or applied meanwhile asks again before it puts the answer together. Whoever then finds that the
// answer is large asks once more, with its size, and makes it anew when there is room: many clients
// with one large answer each are too much, too (net/backlog.h). With room, which there nearly
// always is, all this is comparisons.
//
// Streamed answers do not wait here: their producers ask WantsMore before each piece, so that a
// stream which nobody reads holds up no call beside it. Thread: the connection's. Limits:
// Http2Session::kMaxUnsentAnswerBytes and kMaxUnsentStreamBytes; Backlog::kLimitBytes for all.
#pragma once

#include <cstddef>

#include "absl/functional/any_invocable.h"

namespace pintle::net {

class Room {
 public:
  // An answer up to this size need not ask with its size.
  static constexpr size_t kSmallAnswerBytes = size_t{64} << 10;

  virtual ~Room() = default;

  // Whether there is room for an answer of that size; 0: it is not known yet. The default is for
  // what no connection with a bound stands behind: there is always room.
  virtual bool HasRoom(size_t /*answer_bytes*/) const { return true; }
  // Runs `work` once there is room for that much; drops it when the client goes first. One at a
  // time.
  virtual void OnRoom(size_t /*answer_bytes*/, absl::AnyInvocable<void()> work) { work(); }

  // Of a stream: fewer than `most_unsent_bytes` (64 KiB or more) are unsent, and all streams of the
  // connection together have not too much. False: OnDrain will call.
  virtual bool WantsMore(size_t most_unsent_bytes) = 0;
};

}  // namespace pintle::net

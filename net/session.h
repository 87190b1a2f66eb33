// Session: one connection's protocol, without the socket. Bytes in, bytes out.
//
// A SessionHost (net/connection.h, or a test) owns the session, hands it what arrived and writes
// what it produces. The host never calls a session from inside one of the session's own calls:
// RequestFlush only takes a note, so that no protocol library is entered twice (nghttp2 forbids
// it). TLS fits between the two as a session around a session. Thread: the connection's I/O thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/executor.h"
#include "net/peer_identity.h"

namespace pintle::net {

class SessionHost {
 public:
  virtual ~SessionHost() = default;

  // Something waits in Produce. Cheap, at any time on the thread; Produce follows at the end of the
  // turn.
  virtual void RequestFlush() = 0;
  // Closes the connection soon, also when the peer takes nothing; what is unsent is lost. As cheap.
  virtual void Abort() = 0;
  virtual Executor& executor() = 0;
  // Shared, because calls outlive connections.
  virtual const std::shared_ptr<const PeerIdentity>& peer() const = 0;
};

class Session {
 public:
  virtual ~Session() = default;

  virtual void Receive(std::string_view bytes) = 0;
  virtual void ReceiveEnd() = 0;  // the peer will send no more
  // Appends what is to be sent, about `limit_bytes` at most. Nothing appended: nothing to send now.
  virtual void Produce(std::string& out, size_t limit_bytes) = 0;
  virtual bool WantsRead() const = 0;  // false: leave the bytes in the kernel (back-pressure)
  virtual bool done() const = 0;       // once all that was produced is written, close
  virtual void Shutdown() = 0;         // finish what is under way, then be done
  // What carries this session has failed, and can say why: Closed follows.
  virtual void Broken(std::string_view /*why*/) {}
  virtual void Closed() = 0;  // the connection is gone: end everything under way; the last call
};

}  // namespace pintle::net

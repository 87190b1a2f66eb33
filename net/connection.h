// Connection: one TCP or Unix socket and the session that speaks over it. Private to net/.
//
// Reads go into a small buffer of the connection's own (an idle connection stays small, and a short
// read tells Asio that nothing is left without another system call); what does not fit is read into
// the loop's shared buffer. Writes are tried at once from the loop's shared buffer, and only what
// the kernel refuses is kept: at most one write is under way, of at most 64 KiB. Thread: its
// EventLoop's. Lifetime: shared by the owner and the operations under way.
#pragma once

#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "net/event_loop.h"
#include "net/session.h"

namespace pintle::net {

struct ByteCounters {
  std::atomic<uint64_t> received = 0;
  std::atomic<uint64_t> sent = 0;
};

class Connection final : public SessionHost,
                         public Flushable,
                         public std::enable_shared_from_this<Connection> {
 public:
  using SessionFactory = absl::AnyInvocable<std::unique_ptr<Session>(SessionHost&)>;
  using OnClosed = absl::AnyInvocable<void()>;

  using Socket = asio::generic::stream_protocol::socket;

  // `counters` may be null, else outlives the connection.
  Connection(EventLoop& loop, Socket socket, std::shared_ptr<ByteCounters> counters);

  // `on_closed` runs once, when the socket is closed and the session has been told.
  void Start(SessionFactory make_session, OnClosed on_closed);
  void Shutdown();  // lets the session finish
  void CloseNow();  // as Abort, at once; never from inside a session's call

  void RequestFlush() override;
  void Abort() override;
  Executor& executor() override { return loop_; }
  const std::shared_ptr<const PeerIdentity>& peer() const override { return peer_; }
  void Flush() override;

  Session& session() { return *session_; }

 private:
  static constexpr size_t kOwnBufferBytes = 4096;
  static constexpr size_t kWriteBytes = size_t{64} << 10;

  void StartRead();
  void OnRead(const asio::error_code& error, size_t count);
  void ReadMore();
  bool FlushOnce();  // false: nothing left, or the kernel takes no more now
  void StartWrite(std::string_view rest);
  void Linger();

  EventLoop& loop_;
  Socket socket_;
  std::shared_ptr<ByteCounters> counters_;
  std::shared_ptr<const PeerIdentity> peer_;
  std::unique_ptr<Session> session_;
  OnClosed on_closed_;
  std::unique_ptr<Executor::Timer> linger_timer_;
  std::string unwritten_;  // what the kernel refused, while writing_
  bool reading_ = false;
  bool writing_ = false;
  bool flush_requested_ = false;
  bool end_received_ = false;
  bool lingering_ = false;
  bool aborting_ = false;
  bool closed_ = false;
  std::array<char, kOwnBufferBytes> own_buffer_;
};

}  // namespace pintle::net

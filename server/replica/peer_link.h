// PeerLink: our connection to one peer, for sending. Dials, says hello, writes, notices the loss,
// waits a little and dials again.
//
// Owner: the transport. Thread: the transport's, except Enqueue (any). Limits: max_queued_bytes;
// frames are dropped while there is no connection (raft sends again).
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "server/replica/peer_frame_reader.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

struct PeerCounters {
  std::atomic<uint64_t> sent_bytes{0};
  std::atomic<uint64_t> received_bytes{0};
  std::atomic<uint64_t> send_failures{0};
  std::atomic<uint64_t> receive_failures{0};
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  // All run on the transport's thread. `on_unreachable`: once per loss, per failed dial, and when
  // the queue becomes full. `on_gone`: an established connection was closed and a new one is
  // refused, so no process listens there any more; once per such loss.
  struct Callbacks {
    std::function<void()> on_unreachable;
    std::function<void()> on_gone;
    std::function<void(const HelloRefused&)> on_refused;
    // What is said against the one that answers there; empty: nothing.
    std::function<std::string(const HelloOk&)> objection;
  };
  struct Target {
    raft::MemberId peer;
    std::vector<PeerAddress> addresses;  // tried in turn
  };
  // `hello`: what we say first.
  PeerLink(asio::io_context& io, const PeerOptions& options, Target target, Hello hello,
           std::shared_ptr<PeerCounters> counters, Callbacks callbacks);

  void Start();
  void Stop();

  // False: dropped (no connection, queue full). Any thread.
  bool Enqueue(std::string frame);

 private:
  // One attempt and, if it succeeds, the connection; a late callback of an earlier one finds its
  // socket replaced.
  struct Connection {
    explicit Connection(asio::io_context& io) : stream(io), reader(stream) {}
    PeerStream stream;
    PeerFrameReader reader;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  void Dial();
  const PeerAddress& address() const { return addresses_[dials_ % addresses_.size()]; }
  void AnswerRefusal(const ConnectionPtr& connection, const Frame& frame);
  void Dialed(const ConnectionPtr& connection, std::string_view step,
              const asio::error_code& error);
  void Secure(const ConnectionPtr& connection);
  void Greet(const ConnectionPtr& connection);
  bool OnFrame(const ConnectionPtr& connection, const Frame& frame);
  void Lose(const ConnectionPtr& connection, const std::string& reason);
  void DialLater(absl::Duration wait);
  void WakeUp();
  void Flush();
  bool current(const ConnectionPtr& connection) const {
    return !stopped_ && connection != nullptr && connection == connection_;
  }

  asio::io_context& io_;
  const PeerOptions& options_;
  const raft::MemberId peer_;
  const std::vector<PeerAddress> addresses_;
  const Hello hello_;
  const std::shared_ptr<PeerCounters> counters_;
  const Callbacks callbacks_;

  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;  // ends an attempt, or the wait before the next
  ConnectionPtr connection_;
  bool stopped_ = false;
  bool connected_ = false;
  bool writing_ = false;
  // Dials left that ask whether the process behind a closed connection is gone; 0: nothing to ask.
  int quick_dials_ = 0;
  size_t dials_ = 0;
  absl::Duration backoff_;
  std::string last_reason_;  // logged when it changes
  std::minstd_rand random_;

  std::mutex mutex_;  // guards what follows; held for a few words
  bool accepting_ = false;
  bool woken_ = false;
  bool full_ = false;
  size_t queued_bytes_ = 0;  // with what is being written
  std::vector<std::string> queued_;
};

}  // namespace pintle::server::replica

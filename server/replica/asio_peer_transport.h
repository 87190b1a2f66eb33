// AsioPeerTransport: PeerTransport over TCP. A link per peer for sending (peer_link.h), a session
// per accepted connection for receiving (peer_session.h), one thread for all of it.
//
// Besides what peer_transport.h says: at most 64 accepted connections and 4096 open lease questions
// at a time. Stop answers open lease questions with UNAVAILABLE first; what is asked after it is
// dropped together with its `done`.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/replica/peer_frame.h"
#include "server/replica/peer_link.h"
#include "server/replica/peer_session.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

class AsioPeerTransport final : public PeerTransport {
 public:
  explicit AsioPeerTransport(PeerOptions options);
  ~AsioPeerTransport() override { Stop(); }

  absl::Status Start(Callbacks callbacks) override;
  void Stop() override;
  void Send(std::vector<raft::Message> messages) override;
  void AskLease(raft::MemberId peer, LeaseQuestion question, absl::Duration timeout,
                LeaseDone done) override;
  Stats stats() const override;

 private:
  struct Acceptor {
    explicit Acceptor(asio::io_context& io) : acceptor(io), pause(io) {}
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;  // after a failed accept
  };
  struct OpenQuestion {
    raft::MemberId peer;
    LeaseDone done;
    std::unique_ptr<asio::steady_timer> timer;
  };

  absl::Status Listen(const PeerAddress& address);
  void Accept(Acceptor& acceptor);
  void Welcome(asio::ip::tcp::socket socket);
  void OnGreeted(PeerSession& session);
  bool OnFrame(PeerSession& session, const Frame& frame);
  bool OnMessage(PeerSession& session, const Frame& frame);
  bool OnLeaseQuestion(PeerSession& session, const Frame& frame);
  bool OnLeaseAnswer(PeerSession& session, const Frame& frame);
  void OnUnreachable(raft::MemberId peer);
  void Ask(raft::MemberId peer, LeaseQuestion question, absl::Duration timeout, LeaseDone done);
  void FinishQuestion(uint64_t number, absl::StatusOr<LeaseAnswer> answer);
  void FailQuestions(raft::MemberId peer);
  void CloseEverything();

  const PeerOptions options_;
  Callbacks callbacks_;
  std::map<raft::MemberId, PeerCounters> counters_;  // all peers, from the start

  asio::io_context io_{1};
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::map<raft::MemberId, std::shared_ptr<PeerLink>> links_;  // all peers, from the start
  std::set<std::shared_ptr<PeerSession>> sessions_;
  std::map<uint64_t, OpenQuestion> questions_;
  uint64_t last_question_ = 0;
  std::thread thread_;
};

}  // namespace pintle::server::replica

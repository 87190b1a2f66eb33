// AsioPeerTransport: PeerTransport over TCP or Unix sockets, with or without TLS. A link per peer
// for sending (peer_link.h), a session per accepted connection for receiving (peer_session.h), one
// thread for all of it.
//
// A member that greets and is not in the set (we are behind, and it was added meanwhile) is talked
// to as long as its connection lasts, unless it has been removed.
//
// Besides what peer_transport.h says: at most 64 accepted connections and 4096 open questions at a
// time. Stop answers open questions with UNAVAILABLE first.
#pragma once

#include <asio/basic_socket_acceptor.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
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

  absl::Status Start(PeerSelf self, Callbacks callbacks) override;
  void SetPeers(PeerSet peers) override;
  void Stop() override;
  void Send(std::vector<raft::Message> messages) override;
  void Ask(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
           AskDone done) override;
  Stats stats() const override;

 private:
  struct NewQuestion {
    raft::MemberId peer;
    PeerQuestion question;
    absl::Duration timeout;
    AskDone done;
  };
  struct Acceptor {
    Acceptor(asio::io_context& io, PeerAddress where)
        : acceptor(io), address(std::move(where)), pause(io) {}
    asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor;
    const PeerAddress address;
    asio::steady_timer pause;  // after a failed accept
  };
  struct OpenQuestion {
    raft::MemberId peer;
    AskDone done;
    std::unique_ptr<asio::steady_timer> timer;
  };
  // A peer that is talked to.
  struct Contact {
    std::vector<std::string> urls;
    // As it greets: it may have moved, and we not have applied that yet, for want of its votes.
    std::vector<std::string> told_urls;
    std::shared_ptr<PeerCounters> counters;
    std::shared_ptr<PeerLink> link;
    std::unique_ptr<asio::steady_timer> farewell;  // it is not in the set
  };

  absl::StatusOr<PeerStream::Endpoint> EndpointOf(const PeerAddress& address);
  absl::Status Listen(const PeerAddress& address);
  void Accept(Acceptor& acceptor);
  void Welcome(PeerStream::Socket socket, bool tls);
  void OnGreeted(PeerSession& session, const Hello& hello);
  bool OnFrame(PeerSession& session, const Frame& frame);
  bool OnMessage(PeerSession& session, const Frame& frame);
  bool OnQuestion(PeerSession& session, const Frame& frame);
  bool OnAnswer(PeerSession& session, const Frame& frame);
  void OnUnreachable(raft::MemberId peer);
  void OnRefused(const HelloRefused& refused);
  void TakeAsked();
  void AskNow(raft::MemberId peer, PeerQuestion question, absl::Duration timeout, AskDone done);
  void FinishQuestion(uint64_t number, absl::StatusOr<std::string> answer);
  void FailQuestions(raft::MemberId peer);
  void CloseEverything();

  // Who is talked to: asio_peer_contacts.cc.
  void FollowSet();
  void Meet(raft::MemberId peer, const std::vector<std::string>& urls,
            const std::vector<std::string>& told_urls);
  void Greeted(raft::MemberId peer, const std::vector<std::string>& told_urls);
  void SayFarewell(raft::MemberId peer);
  void Forget(raft::MemberId peer);
  bool HasSession(raft::MemberId peer) const;
  std::shared_ptr<const PeerSet> set() const;
  std::shared_ptr<PeerLink> LinkTo(raft::MemberId peer) const;

  const PeerOptions options_;
  PeerSelf self_;
  Callbacks callbacks_;

  asio::io_context io_{1};
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  mutable std::mutex mutex_;  // guards the next two; the transport's thread alone changes contacts_
  std::shared_ptr<const PeerSet> set_ = std::make_shared<const PeerSet>();
  std::map<raft::MemberId, Contact> contacts_;
  std::set<std::shared_ptr<PeerSession>> sessions_;
  std::map<uint64_t, OpenQuestion> questions_;
  uint64_t last_question_ = 0;
  std::mutex asked_mutex_;
  std::deque<NewQuestion> asked_;  // on their way to the transport's thread
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace pintle::server::replica

// PeerSession: a connection that somebody opened to us, for receiving. Nothing but a hello is read
// until it named itself a member of our cluster that wants to talk to us; or it asks who
// the members are, or for a page by HTTP (peer_http.h), is told, and that was all.
//
// Owner: the transport. Thread: the transport's. Limits: a hello, or an HTTP head, of 4 KiB within
// dial_timeout (under TLS five times that, with the handshake), then frames up to max_frame_bytes.
#pragma once

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/replica/peer_frame_reader.h"
#include "server/replica/peer_http.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

class PeerSession : public std::enable_shared_from_this<PeerSession> {
 public:
  struct Callbacks {
    // Why the greeting is not taken, besides cluster, target and versions.
    std::function<std::optional<HelloRefused>(const Hello&)> objection;
    std::function<void(PeerSession&, const Hello&)> on_greeted;
    std::function<std::string()> on_members_question;
    PeerPageAt page;
    // A frame of a greeted peer; false: it cannot be understood.
    std::function<bool(PeerSession&, const Frame&)> on_frame;
    // A frame of a greeted peer was damaged, or could not be understood; then it is closed.
    std::function<void(PeerSession&)> on_bad_frame;
    std::function<void(PeerSession&)> on_closed;
  };

  // `own_data_dir` goes with the answer to a greeting.
  PeerSession(PeerStream::Socket socket, bool tls, const PeerOptions& options,
              storage::DataDirId own_data_dir, Callbacks callbacks);

  void Start();
  // Idempotent; on_closed runs once.
  void Close();

  raft::MemberId peer() const { return peer_; }  // kNoMember: not greeted yet

 private:
  void Secure();
  void CheckHosts();
  void Listen();
  void RefuseTls(const std::string& why);
  bool OnFrame(const Frame& frame);
  bool OnFirstFrame(const Frame& frame);
  bool OnHttp(std::string_view bytes);
  std::optional<HelloRefused> WhyRefused(const Hello& hello) const;
  void Refuse(const HelloRefused& refused);
  void TellMembers();
  void WriteAndClose(std::string frame);
  void Accept(const Hello& hello);

  PeerStream stream_;
  const bool tls_;
  const PeerOptions& options_;
  const storage::DataDirId own_data_dir_;
  const Callbacks callbacks_;
  PeerFrameReader reader_;
  asio::steady_timer timer_;
  std::string remote_;
  raft::MemberId peer_;
  bool closed_ = false;
};

}  // namespace pintle::server::replica

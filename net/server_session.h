// ServerSession: tells HTTP/2 from HTTP/1.1 by the first bytes, then hands everything to that
// session. Private to net/.
//
// Source: RFC 9113 §3.4 (the 24-byte preface). A client that begins it and stops is closed after
// ten seconds.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/backlog.h"
#include "net/few_per_second.h"
#include "net/grpc_server_call.h"
#include "net/http2_session.h"
#include "net/server.h"
#include "net/session.h"

namespace pintle::net {

// What all connections of a server share. Immutable while they run, but for the count of refusals,
// and the backlogs, which all servers on the same threads share.
struct ServerContext {
  ServerContext(ServerOptions server_options, const GrpcRouter* router, HttpHandler& http_handler,
                std::shared_ptr<Backlogs> shared_backlogs)
      : options(std::move(server_options)),
        methods{router},
        http(http_handler),
        backlogs(std::move(shared_backlogs)) {}

  void NoteRefused(const PeerIdentity& peer, const std::string& why) const {
    if (options.on_refused && refusals.Take()) options.on_refused(peer.address, why);
  }

  const ServerOptions options;
  const GrpcMethods methods;
  HttpHandler& http;
  mutable FewPerSecond refusals;
  const std::shared_ptr<Backlogs> backlogs;
};

class ServerSession final : public Session, public Http2Application {
 public:
  // `context` outlives the session.
  ServerSession(SessionHost& host, const ServerContext& context) : host_(host), context_(context) {}

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override;
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override { return inner_ == nullptr ? !over_ : inner_->WantsRead(); }
  bool done() const override { return inner_ == nullptr ? over_ : inner_->done(); }
  void Shutdown() override;
  void Closed() override;

 private:
  std::shared_ptr<Http2StreamUser> OnRequest(Http2Stream& stream, SessionHost& host,
                                             bool over_limit) override;
  std::unique_ptr<Session> MakeSession(bool http2);

  SessionHost& host_;
  const ServerContext& context_;
  std::string first_bytes_;  // while they may still become the preface
  std::unique_ptr<Executor::Timer> timer_;
  std::unique_ptr<Session> inner_;
  bool over_ = false;  // before there was an inner session
};

}  // namespace pintle::net

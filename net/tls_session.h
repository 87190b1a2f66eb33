// TlsSession: one end of TLS around a session: ciphertext outside, plain bytes inside. Private to
// net/.
//
// A server's inner session is made when the handshake is done, so that it knows whose certificate
// it was (peer()); a client's is there from the beginning, and is heard when the handshake is done.
// A handshake takes no more of the thread than its own arithmetic, and all of them go on beside
// each other; what is silent, or slow, is closed after ten seconds, and a connection to a server
// that has not sent a byte costs no TLS state. On a listener for both, the first byte decides: no
// plain protocol of ours begins with that of a TLS record. Thread: the connection's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "net/session.h"
#include "net/tls_policy.h"

namespace pintle::net {

class TlsSession final : public Session, public SessionHost {
 public:
  using MakeInner = absl::AnyInvocable<std::unique_ptr<Session>(SessionHost&)>;

  // The server's end. `plain_too`: who does not begin with TLS is served without it.
  TlsSession(SessionHost& host, std::shared_ptr<TlsPolicy> policy, bool plain_too,
             MakeInner make_inner);
  // The client's, of a policy's NewClient. Why the server is not taken, or does not take us, the
  // inner session is told by Broken.
  TlsSession(SessionHost& host, std::unique_ptr<TlsConnection> dialed, MakeInner make_inner);
  ~TlsSession() override;

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override;
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override { return speaks() ? inner_->WantsRead() : !over_; }
  bool done() const override;
  void Shutdown() override;
  void Closed() override;

  void RequestFlush() override { host_.RequestFlush(); }
  void Abort() override { host_.Abort(); }
  Executor& executor() override { return host_.executor(); }
  const std::shared_ptr<const PeerIdentity>& peer() const override { return peer_; }

 private:
  struct Wire;  // OpenSSL's reads and writes

  // The inner session is heard.
  bool speaks() const { return handshaken_ || plain_only_; }
  void Begin(std::string_view bytes);
  void UseWire();
  void Handshake();
  void OnHandshaken();
  void ReadPlain();
  void WritePlain(std::string& out, size_t limit_bytes);
  void Fail(std::string_view why);

  SessionHost& host_;
  const std::shared_ptr<TlsPolicy> policy_;  // a server's
  const bool plain_too_ = false;
  MakeInner make_inner_;
  std::shared_ptr<const PeerIdentity> peer_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<TlsConnection> tls_;  // null: nothing came yet, or it is plain
  std::unique_ptr<Session> inner_;
  std::unique_ptr<Executor::Timer> timer_;
  std::string unsent_;  // made outside of Produce
  bool plain_only_ = false;
  bool handshaken_ = false;
  bool over_ = false;  // failed, or ended before there was an inner session
  bool close_sent_ = false;
};

}  // namespace pintle::net

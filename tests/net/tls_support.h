// Certificates for tests, made by the openssl command, and the client's end of TLS without a
// socket.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/tls_policy.h"

namespace pintle::net {

// A folder with a certificate authority in it, and what it signs. Gone with the object.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "ca");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& folder() const { return folder_; }
  std::string certificate() const { return folder_ + "/ca.pem"; }
  // Makes <name>.pem and <name>.key. `names`: "DNS:localhost,IP:127.0.0.1", or nothing. Negative
  // days: it has expired.
  void Sign(const std::string& name, const std::string& common_name, const std::string& names,
            int days = 10, const std::string& usage = "serverAuth,clientAuth") const;
  std::string CertificateOf(const std::string& name) const { return folder_ + "/" + name + ".pem"; }
  std::string KeyOf(const std::string& name) const { return folder_ + "/" + name + ".key"; }
  // Makes <folder>/crl.pem with that one in it.
  std::string Revoke(const std::string& name) const;

 private:
  void Run(const std::string& command) const;

  std::string folder_;
};

// The client's end. Bytes are carried by hand.
class TestTlsClient {
 public:
  // `alpn`: as RFC 7301 writes it, "\x02h2"; empty: none is offered.
  TestTlsClient(TlsPolicy& policy, const std::string& host, std::string_view alpn = "\x02h2");
  ~TestTlsClient();

  // Takes what the server sent; returns what goes to it.
  std::string Exchange(std::string_view from_server);
  std::string Encrypt(std::string_view plain);
  bool done() const;  // the handshake is
  bool failed() const { return failed_; }
  const std::string& plain() const { return plain_; }  // received so far
  std::string alpn() const;
  std::string refusal() const { return connection_->refusal(); }

 private:
  std::string TakeOutput();

  std::unique_ptr<TlsConnection> connection_;
  std::string plain_;
  bool failed_ = false;
};

}  // namespace pintle::net

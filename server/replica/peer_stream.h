// PeerStream: a TCP or Unix connection between members, with or without TLS; what Asio's reads and
// writes take for a stream.
//
// Owner: a link, a session, or who asks to join. Thread: the owner's. TLS begins with Secure and
// the handshake, before anything else is read or written; Close ends either.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/tls_policy.h"

namespace pintle::server::replica {

class PeerStream {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  using Endpoint = asio::generic::stream_protocol::endpoint;
  using executor_type = Socket::executor_type;

  explicit PeerStream(asio::io_context& io) : socket_(io) {}
  explicit PeerStream(Socket socket) : socket_(std::move(socket)) {}
  PeerStream(const PeerStream&) = delete;
  PeerStream& operator=(const PeerStream&) = delete;

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }
  bool secure() const { return tls_.has_value(); }

  // False: `connection` is null (out of memory, or no certificate).
  bool Secure(std::unique_ptr<net::TlsConnection> connection);
  // After Secure; `done(error)`.
  template <typename Done>
  void Handshake(bool dialed, Done&& done) {
    tls_->async_handshake(dialed ? asio::ssl::stream_base::client : asio::ssl::stream_base::server,
                          std::forward<Done>(done));
  }
  // Why a handshake failed, or anything after it.
  std::string Explain(const asio::error_code& error) const;
  // Of the certificate: net::TlsConnection::hosts_to_look_up.
  std::vector<std::string> hosts_to_look_up() const;
  // Of the other end; nothing: it is gone, or has none (a Unix socket).
  std::optional<asio::ip::tcp::endpoint> remote() const;

  template <typename Buffers, typename Done>
  void async_read_some(const Buffers& buffers, Done&& done) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Done>(done));
    socket_.async_read_some(buffers, std::forward<Done>(done));
  }
  template <typename Buffers, typename Done>
  void async_write_some(const Buffers& buffers, Done&& done) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Done>(done));
    socket_.async_write_some(buffers, std::forward<Done>(done));
  }

  void Close();

 private:
  Socket socket_;
  std::unique_ptr<net::TlsConnection> connection_;  // outlives tls_, which uses its ssl_st
  std::optional<asio::ssl::stream<Socket&>> tls_;
};

}  // namespace pintle::server::replica

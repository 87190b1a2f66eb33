#include "server/replica/peer_stream.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace pintle::server::replica {

bool PeerStream::Secure(std::unique_ptr<net::TlsConnection> connection) {
  if (connection == nullptr) return false;
  connection_ = std::move(connection);
  SSL_up_ref(connection_->ssl());  // Asio's stream takes one
  tls_.emplace(socket_, connection_->ssl());
  return true;
}

std::string PeerStream::Explain(const asio::error_code& error) const {
  if (connection_ != nullptr && !connection_->refusal().empty()) return connection_->refusal();
  return error.message();
}

std::vector<std::string> PeerStream::hosts_to_look_up() const {
  return connection_ == nullptr ? std::vector<std::string>() : connection_->hosts_to_look_up();
}

std::optional<asio::ip::tcp::endpoint> PeerStream::remote() const {
  asio::error_code error;
  const Endpoint found = socket_.remote_endpoint(error);
  if (error || found.protocol().family() == AF_UNIX) return std::nullopt;
  asio::ip::tcp::endpoint remote;
  std::memcpy(remote.data(), found.data(), std::min(found.size(), remote.capacity()));
  return remote;
}

void PeerStream::Close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace pintle::server::replica

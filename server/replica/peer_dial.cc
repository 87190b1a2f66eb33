#include "server/replica/peer_dial.h"

#include <asio/connect.hpp>
#include <asio/error.hpp>
#include <asio/local/stream_protocol.hpp>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace pintle::server::replica {
namespace {

using Endpoints = std::vector<PeerStream::Endpoint>;

void Connect(PeerStream& stream, const Endpoints& endpoints, std::shared_ptr<void> keep,
             PeerDialed done) {
  asio::async_connect(
      stream.socket(), endpoints,
      [keep = std::move(keep), done = std::move(done)](
          const asio::error_code& error, const PeerStream::Endpoint&) { done("connect", error); });
}

}  // namespace

void DialPeer(asio::ip::tcp::resolver& resolver, PeerStream& stream, const PeerAddress& address,
              std::shared_ptr<void> keep, PeerDialed done) {
  if (address.local) {
    const asio::local::stream_protocol::endpoint socket(address.host);
    return Connect(stream, {socket}, std::move(keep), std::move(done));
  }
  resolver.async_resolve(address.host, std::to_string(address.port),
                         [&stream, keep = std::move(keep), done = std::move(done)](
                             const asio::error_code& error, const auto& found) {
                           if (error) return done("resolve", error);
                           Endpoints endpoints;
                           for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
                           Connect(stream, endpoints, keep, done);
                         });
}

bool IsRefusal(const PeerAddress& address, const asio::error_code& error) {
  return error == asio::error::connection_refused || (address.local && error.value() == ENOENT);
}

}  // namespace pintle::server::replica

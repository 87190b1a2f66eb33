// Dialling another member: a name is resolved, a Unix socket is just there.
//
// Thread: the stream's. Bounded in time by the caller, who cancels the resolver and closes the
// stream; `done` is called then, too. `keep` is held until it is.
#pragma once

#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "server/replica/peer_address.h"
#include "server/replica/peer_stream.h"

namespace pintle::server::replica {

// `step`: what failed, "resolve" or "connect". Never called from inside.
using PeerDialed = std::function<void(std::string_view step, const asio::error_code& error)>;

void DialPeer(asio::ip::tcp::resolver& resolver, PeerStream& stream, const PeerAddress& address,
              std::shared_ptr<void> keep, PeerDialed done);

// Nobody listens there.
bool IsRefusal(const PeerAddress& address, const asio::error_code& error);

}  // namespace pintle::server::replica

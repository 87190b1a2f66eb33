// Listeners: from the URLs of the configuration to what is listened on. Several URLs may name the
// same place once with TLS and once without: one socket then speaks both.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "net/server.h"
#include "net/tls_policy.h"
#include "server/config.h"
#include "server/replica/peer_transport.h"

namespace pintle::server {

absl::Status ListenOn(net::Server& server, const std::vector<Url>& urls,
                      const std::shared_ptr<net::TlsPolicy>& tls);

std::vector<replica::PeerAddress> PeerListenersOf(const Config& config);

}  // namespace pintle::server

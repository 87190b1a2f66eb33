// PeerIdentity: who is at the other end of a connection. A plain value, immutable once calls see
// it.
#pragma once

#include <string>

namespace pintle::net {

struct PeerIdentity {
  std::string address;  // "127.0.0.1:50123", for logs
  // Of the client certificate that this server has verified; empty: there is none (no TLS, or no
  // certificate was asked for).
  std::string common_name = {};
  bool secure = false;  // came by TLS
};

}  // namespace pintle::net

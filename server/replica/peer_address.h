// PeerAddress: where a member listens for the others, and how it is read from a peer URL. Plain
// values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pintle::server::replica {

struct PeerAddress {
  std::string host;  // name or address; resolved at every dial
  uint16_t port = 0;
  bool tls = false;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

// "http://host:port" or "https://…", also with an address in brackets and a slash at the end.
// False: it is none.
bool ParsePeerUrl(std::string_view url, PeerAddress& address);

// Of those that can be read.
std::vector<PeerAddress> PeerAddressesOf(const std::vector<std::string>& urls);

}  // namespace pintle::server::replica

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
  bool local = false;  // a Unix socket: `host` is its file

  // For the log: "host:port", or the file.
  std::string text() const;
  // What the certificate of who listens there is for. A socket's file may be named like a host and
  // a port, as in etcd's own tests; else this machine answers for it.
  std::string tls_name() const;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

// "http://host:port" or "https://…", also with an address in brackets and a slash at the end;
// "unix://…" or "unixs://…" with a file's name. False: it is none.
bool ParsePeerUrl(std::string_view url, PeerAddress& address);

// Of those that can be read.
std::vector<PeerAddress> PeerAddressesOf(const std::vector<std::string>& urls);

}  // namespace pintle::server::replica

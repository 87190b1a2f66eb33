#include "server/replica/peer_address.h"

#include <charconv>
#include <utility>

namespace pintle::server::replica {

bool ParsePeerUrl(std::string_view url, PeerAddress& address) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return false;
  address.tls = url.substr(0, scheme) == "https";
  if (!address.tls && url.substr(0, scheme) != "http") return false;
  url.remove_prefix(scheme + 3);
  if (url.ends_with('/')) url.remove_suffix(1);
  const size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::string_view host = url.substr(0, colon);
  const std::string_view digits = url.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find_first_of("/?#@ ") != std::string_view::npos) return false;
  if (!bracketed && host.find(':') != std::string_view::npos) return false;
  address.host = std::string(host);
  return true;
}

std::vector<PeerAddress> PeerAddressesOf(const std::vector<std::string>& urls) {
  std::vector<PeerAddress> addresses;
  for (const std::string& url : urls) {
    PeerAddress address;
    if (ParsePeerUrl(url, address)) addresses.push_back(std::move(address));
  }
  return addresses;
}

}  // namespace pintle::server::replica

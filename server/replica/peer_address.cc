#include "server/replica/peer_address.h"

#include <sys/un.h>

#include <charconv>
#include <utility>

namespace pintle::server::replica {

namespace {

// The kernel's limit, with the zero behind it.
constexpr size_t kLongestSocketName = sizeof(sockaddr_un::sun_path) - 1;

// "host:port", "[::1]:port"
bool ParseHostAndPort(std::string_view text, PeerAddress& address) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
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

}  // namespace

std::string PeerAddress::text() const {
  if (local) return host;
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return text += ":" + std::to_string(port);
}

std::string PeerAddress::tls_name() const {
  if (!local) return host;
  const std::string name = host.substr(0, host.find_first_of(":/"));
  return name.empty() ? "localhost" : name;
}

bool ParsePeerUrl(std::string_view url, PeerAddress& address) {
  address = {};
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const std::string_view scheme = url.substr(0, scheme_end);
  std::string_view rest = url.substr(scheme_end + 3);
  address.tls = scheme == "https" || scheme == "unixs";
  address.local = scheme == "unix" || scheme == "unixs";
  if (address.local) {
    address.host = std::string(rest);
    return !rest.empty() && rest.size() <= kLongestSocketName;
  }
  if (!address.tls && scheme != "http") return false;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  return ParseHostAndPort(rest, address);
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

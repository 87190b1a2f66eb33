#include "net/endpoint.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "net/concat.h"

namespace pintle::net {
namespace {

struct Address {
  std::optional<bool> tls;  // nothing: no scheme is given
  std::string host;
  uint16_t port = 0;
};

absl::StatusOr<Address> ParseAddress(std::string_view url) {
  const auto bad = [url](std::string_view why) {
    return absl::InvalidArgumentError(Concat("endpoint '", url, "' ", why));
  };
  Address address;
  std::string_view rest = url;
  if (const size_t scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
    const std::string_view scheme = url.substr(0, scheme_end);
    if (scheme != "http" && scheme != "https") return bad("must begin with http:// or https://");
    address.tls = scheme == "https";
    rest.remove_prefix(scheme_end + 3);
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.rfind(':');
  uint32_t port = 0;
  if (colon == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(rest.substr(colon + 1)), &port) || port == 0 || port > 65535) {
    return bad("needs a port, as in http://127.0.0.1:2379");
  }
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return bad("has an unfinished [address]");
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find('/') != std::string_view::npos) return bad("has no host");
  address.host = std::string(host);
  address.port = static_cast<uint16_t>(port);
  return address;
}

absl::StatusOr<std::shared_ptr<TlsPolicy>> PolicyOf(const ClientTlsFlags& flags) {
  return TlsPolicy::Create({.cert_file = flags.cert_file,
                            .key_file = flags.key_file,
                            .trusted_ca_file = flags.ca_file,
                            .verify_server = !flags.skip_verify},
                           [](TlsPolicy::Event, std::string_view) {});
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> ParseEndpoints(std::string_view list,
                                                     const ClientTlsFlags& flags) {
  std::vector<Endpoint> endpoints;
  std::shared_ptr<TlsPolicy> tls;
  const std::vector<std::string> urls = absl::StrSplit(std::string(list), ',', absl::SkipEmpty());
  for (std::string url : urls) {
    absl::StripAsciiWhitespace(&url);
    PINTLE_ASSIGN_OR_RETURN(Address address, ParseAddress(url));
    const bool secure = address.tls.value_or(flags.any());
    if (secure && tls == nullptr) {
      PINTLE_ASSIGN_OR_RETURN(tls, PolicyOf(flags));
    }
    endpoints.push_back({std::move(address.host), address.port, secure ? tls : nullptr});
  }
  if (endpoints.empty()) return absl::InvalidArgumentError("no endpoint is given");
  return endpoints;
}

}  // namespace pintle::net

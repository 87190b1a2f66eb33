#include "server/listeners.h"

#include <utility>

#include "base/status_macros.h"

namespace pintle::server {
namespace {

struct Place {
  const Url* url;
  bool tls = false;
  bool plain = false;
};

std::vector<Place> PlacesOf(const std::vector<Url>& urls) {
  std::vector<Place> places;
  for (const Url& url : urls) {
    auto known = places.begin();
    while (known != places.end() &&
           (known->url->host != url.host || known->url->port != url.port ||
            known->url->local() != url.local() || (url.port == 0 && !url.local()))) {
      ++known;
    }
    if (known == places.end()) known = places.insert(places.end(), Place{.url = &url});
    (url.tls() ? known->tls : known->plain) = true;
  }
  return places;
}

}  // namespace

absl::Status ListenOn(net::Server& server, const std::vector<Url>& urls,
                      const std::shared_ptr<net::TlsPolicy>& tls) {
  for (const Place& place : PlacesOf(urls)) {
    net::Server::Security security{.tls = place.tls ? tls : nullptr, .plain = place.plain};
    const Url& url = *place.url;
    if (url.local()) {
      PINTLE_RETURN_IF_ERROR(server.ListenUnix(url.host, std::move(security)));
      continue;
    }
    PINTLE_RETURN_IF_ERROR(server.Listen(url.host, url.port, std::move(security)).status());
  }
  return absl::OkStatus();
}

std::vector<replica::PeerAddress> PeerListenersOf(const Config& config) {
  std::vector<replica::PeerAddress> listeners;
  for (const Place& place : PlacesOf(config.listen_peer_urls)) {
    listeners.push_back({.host = place.url->host,
                         .port = place.url->port,
                         .tls = place.tls,
                         .local = place.url->local()});
  }
  return listeners;
}

}  // namespace pintle::server

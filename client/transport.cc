#include "client/transport.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace pintle::client {
namespace {

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& url) {
  const auto bad = [&](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat("server URL '", url, "' ", why));
  };
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return bad("must begin with http:// (TLS is not available yet)");
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.rfind(':');
  uint32_t port = 0;
  if (colon == std::string_view::npos ||
      !absl::SimpleAtoi(std::string(rest.substr(colon + 1)), &port) || port == 0 || port > 65535) {
    return bad("needs a port, as in http://127.0.0.1:6443");
  }
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return bad("has an unfinished [address]");
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find('/') != std::string_view::npos) return bad("has no host");
  return Endpoint{std::string(host), static_cast<uint16_t>(port)};
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> ParseEndpoints(std::string_view urls) {
  std::vector<Endpoint> endpoints;
  const std::vector<std::string> split = absl::StrSplit(std::string(urls), ',', absl::SkipEmpty());
  for (std::string url : split) {
    absl::StripAsciiWhitespace(&url);
    absl::StatusOr<Endpoint> endpoint = ParseEndpoint(url);
    if (!endpoint.ok()) return endpoint.status();
    endpoints.push_back(*std::move(endpoint));
  }
  if (endpoints.empty()) return absl::InvalidArgumentError("no server URL is given");
  return endpoints;
}

HttpTransport::HttpTransport(net::Executor& executor, const std::vector<Endpoint>& endpoints,
                             int max_connections) {
  net::HttpClientOptions options;
  options.connect_timeout = absl::Seconds(2);
  options.max_connections = max_connections;
  for (const Endpoint& endpoint : endpoints) {
    clients_.push_back(
        std::make_unique<net::HttpClient>(executor, endpoint.host, endpoint.port, options));
  }
}

std::unique_ptr<Transport::Handle> HttpTransport::Send(size_t endpoint,
                                                       net::HttpClientRequest request,
                                                       net::HttpClient::Done done) {
  return clients_[endpoint]->Send(std::move(request), std::move(done));
}

std::unique_ptr<Transport::Handle> HttpTransport::Stream(
    size_t endpoint, net::HttpClientRequest request, net::HttpClient::StreamCallbacks callbacks) {
  return clients_[endpoint]->Stream(std::move(request), std::move(callbacks));
}

void EndpointSet::Failed(size_t endpoint) {
  if (endpoint != current_ || count_ < 2) return;
  current_ = (current_ + 1) % count_;
  const auto subscribers = subscribers_;  // a callback may unsubscribe
  for (const auto& [id, callback] : subscribers) {
    if (subscribers_.contains(id)) callback(endpoint);
  }
}

int EndpointSet::Subscribe(std::function<void(size_t failed)> callback) {
  const int id = next_id_++;
  subscribers_.emplace(id, std::move(callback));
  return id;
}

}  // namespace pintle::client

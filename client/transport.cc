#include "client/transport.h"

#include <utility>

namespace pintle::client {

HttpTransport::HttpTransport(net::Executor& executor, const std::vector<net::Endpoint>& endpoints,
                             int max_connections) {
  net::HttpClientOptions options;
  options.connect_timeout = absl::Seconds(2);
  options.max_connections = max_connections;
  for (const net::Endpoint& endpoint : endpoints) {
    options.tls = endpoint.tls;
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

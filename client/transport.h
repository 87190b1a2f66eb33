// Transport: HTTP to one of several members; and EndpointSet: which of them we talk to now.
//
// Transport is the seam for tests: HttpTransport speaks over net::HttpClient, a test's is an API
// server in memory. Thread: the Loop's. EndpointSet is shared by every client of a process, so that
// one lost connection moves all of them to a living member at once, and those still waiting on the
// dead one are told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/endpoint.h"
#include "net/executor.h"
#include "net/http_client.h"

namespace pintle::client {

class Transport {
 public:
  virtual ~Transport() = default;
  using Handle = net::HttpClient::Handle;
  [[nodiscard]] virtual std::unique_ptr<Handle> Send(size_t endpoint,
                                                     net::HttpClientRequest request,
                                                     net::HttpClient::Done done) = 0;
  [[nodiscard]] virtual std::unique_ptr<Handle> Stream(
      size_t endpoint, net::HttpClientRequest request,
      net::HttpClient::StreamCallbacks callbacks) = 0;
};

class HttpTransport final : public Transport {
 public:
  HttpTransport(net::Executor& executor, const std::vector<net::Endpoint>& endpoints,
                int max_connections);
  std::unique_ptr<Handle> Send(size_t endpoint, net::HttpClientRequest request,
                               net::HttpClient::Done done) override;
  std::unique_ptr<Handle> Stream(size_t endpoint, net::HttpClientRequest request,
                                 net::HttpClient::StreamCallbacks callbacks) override;

 private:
  std::vector<std::unique_ptr<net::HttpClient>> clients_;
};

class EndpointSet {
 public:
  explicit EndpointSet(size_t count) : count_(count) {}

  size_t count() const { return count_; }
  size_t current() const { return current_; }
  // Told by whoever lost or waited in vain for `endpoint`. Moves on only if it is the current one.
  void Failed(size_t endpoint);

  // Called with the endpoint that was given up. Unsubscribe by id.
  int Subscribe(std::function<void(size_t failed)> callback);
  void Unsubscribe(int id) { subscribers_.erase(id); }

 private:
  size_t count_;
  size_t current_ = 0;
  int next_id_ = 0;
  std::map<int, std::function<void(size_t)>> subscribers_;
};

}  // namespace pintle::client

// KubeClient: requests to a Kubernetes API server of several members, with fail-over, retries and a
// rate limit.
//
//   client.Send(GetObject(Pods(), "default", "web-1"), [](ApiReply reply) { if (reply.ok()) … });
//
// Send tries the current member; no answer, 503 and 504 move on to the next at once and, after a
// whole round, with backoff (100 ms doubling to 2 s); 429 waits as Retry-After says. The last
// failure is the answer when the request's time is up. Every request may therefore reach a server
// twice: creates must carry a name, updates a resourceVersion (see ApiReply::retried). Thread: the
// Loop's; `done` is never called from within Send. Destroying the client drops what is under way
// without calling back. Limits: Options; more than max_waiting requests are refused with code 0.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "client/api_request.h"
#include "client/loop.h"
#include "client/transport.h"

namespace pintle::client {

struct KubeClientOptions {
  double qps = 50;  // sustained requests per second; 0 or less: no limit
  int burst = 100;
  absl::Duration request_timeout = absl::Seconds(30);
  absl::Duration attempt_timeout = absl::Seconds(10);
  size_t max_waiting = 10000;
  std::string user_agent = "pintle";
};

class KubeClient {
 public:
  KubeClient(Loop& loop, Transport& transport, EndpointSet& endpoints, KubeClientOptions options);
  ~KubeClient();
  KubeClient(const KubeClient&) = delete;
  KubeClient& operator=(const KubeClient&) = delete;

  using Done = absl::AnyInvocable<void(ApiReply)>;
  void Send(ApiRequest request, Done done);

  // One attempt at an endless answer from the current member; outside of the rate limit. `endpoint`
  // is set to the one used: who loses the stream reports it to endpoints().Failed().
  [[nodiscard]] std::unique_ptr<Transport::Handle> Stream(
      const ApiRequest& request, net::HttpClient::StreamCallbacks callbacks, size_t& endpoint);

  EndpointSet& endpoints() { return endpoints_; }
  size_t in_flight() const { return calls_.size(); }

 private:
  struct Call;

  net::HttpClientRequest ToHttp(const ApiRequest& request) const;
  void Admit();
  void Attempt(uint64_t id);
  void OnAnswer(uint64_t id, size_t endpoint, absl::StatusOr<net::HttpClientResponse> answer);
  void Retry(uint64_t id, absl::Duration delay, ApiReply failure);
  void Finish(uint64_t id, ApiReply reply);

  Loop& loop_;
  Transport& transport_;
  EndpointSet& endpoints_;
  const KubeClientOptions options_;

  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Call>> calls_;
  std::deque<uint64_t> waiting_;  // for the rate limit
  double tokens_;
  absl::Time refilled_at_;
  bool admit_armed_ = false;
  Loop::Timer admit_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pintle::client

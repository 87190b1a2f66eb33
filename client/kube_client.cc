#include "client/kube_client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace pintle::client {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(100);
constexpr absl::Duration kMaxBackoff = absl::Seconds(2);

bool MemberIsUnable(int code) { return code == 502 || code == 503 || code == 504; }

absl::Duration RetryAfter(const net::HttpClientResponse& response) {
  const std::string_view text = response.headers.Get("retry-after");
  int seconds = 0;
  if (!absl::SimpleAtoi({text.data(), text.size()}, &seconds)) seconds = 1;
  return absl::Seconds(std::clamp(seconds, 1, 30));
}

}  // namespace

struct KubeClient::Call {
  ApiRequest request;
  Done done;
  absl::Time deadline;
  size_t failures = 0;
  bool retried = false;
  std::unique_ptr<Transport::Handle> handle;
  Loop::Timer timer;
};

KubeClient::KubeClient(Loop& loop, Transport& transport, EndpointSet& endpoints,
                       KubeClientOptions options)
    : loop_(loop),
      transport_(transport),
      endpoints_(endpoints),
      options_(std::move(options)),
      tokens_(options_.burst),
      refilled_at_(loop.now()) {}

KubeClient::~KubeClient() = default;

void KubeClient::Send(ApiRequest request, Done done) {
  const uint64_t id = next_id_++;
  auto call = std::make_unique<Call>();
  const absl::Duration timeout =
      request.timeout > absl::ZeroDuration() ? request.timeout : options_.request_timeout;
  call->deadline = loop_.now() + timeout;
  call->request = std::move(request);
  call->done = std::move(done);
  calls_.emplace(id, std::move(call));
  if (waiting_.size() >= options_.max_waiting) {
    ApiReply refused;
    refused.message = "too many requests are waiting in this client";
    std::weak_ptr<bool> alive = alive_;
    loop_.executor.Post([this, alive, id, refused]() mutable {
      if (!alive.expired()) Finish(id, std::move(refused));
    });
    return;
  }
  waiting_.push_back(id);
  Admit();
}

void KubeClient::Admit() {
  const absl::Time now = loop_.now();
  const bool limited = options_.qps > 0;
  if (limited) {
    tokens_ = std::min<double>(options_.burst,
                               tokens_ + absl::ToDoubleSeconds(now - refilled_at_) * options_.qps);
    refilled_at_ = now;
  }
  while (!waiting_.empty() && (!limited || tokens_ >= 1)) {
    const uint64_t id = waiting_.front();
    waiting_.pop_front();
    if (limited) tokens_ -= 1;
    std::weak_ptr<bool> alive = alive_;
    loop_.executor.Post([this, alive, id] {
      if (!alive.expired()) Attempt(id);
    });
  }
  if (waiting_.empty() || admit_armed_) return;
  admit_armed_ = true;
  const absl::Duration wait =
      std::max(absl::Seconds((1 - tokens_) / options_.qps), absl::Milliseconds(1));
  admit_timer_ = loop_.After(wait, [this] {
    admit_armed_ = false;
    Admit();
  });
}

net::HttpClientRequest KubeClient::ToHttp(const ApiRequest& request) const {
  net::HttpClientRequest http;
  http.method = request.method;
  http.target = request.Target();
  http.headers.Add("accept", request.accept);
  http.headers.Add("user-agent", options_.user_agent);
  if (!request.body.is_null()) {
    http.headers.Add("content-type", request.content_type);
    http.body = Dump(request.body);
  }
  return http;
}

void KubeClient::Attempt(uint64_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& call = *found->second;
  net::HttpClientRequest http = ToHttp(call.request);
  const absl::Duration left = call.deadline - loop_.now();
  http.timeout = std::max(std::min(left, options_.attempt_timeout), absl::Milliseconds(10));
  const size_t endpoint = endpoints_.current();
  std::weak_ptr<bool> alive = alive_;
  auto handle =
      transport_.Send(endpoint, std::move(http),
                      [this, alive, id, endpoint](absl::StatusOr<net::HttpClientResponse> answer) {
                        if (!alive.expired()) OnAnswer(id, endpoint, std::move(answer));
                      });
  // The answer may have come already, and with it the end of the call.
  if (const auto still = calls_.find(id); still != calls_.end()) {
    still->second->handle = std::move(handle);
  }
}

void KubeClient::OnAnswer(uint64_t id, size_t endpoint,
                          absl::StatusOr<net::HttpClientResponse> answer) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& call = *found->second;
  // A handle is let go only after its own callback has returned.
  if (call.handle != nullptr) loop_.executor.Post([done = std::move(call.handle)] {});

  ApiReply reply;
  if (answer.ok()) {
    reply = DecodeReply(answer->status, answer->body);
    if (reply.code == 429) return Retry(id, RetryAfter(*answer), std::move(reply));
    if (!MemberIsUnable(reply.code)) return Finish(id, std::move(reply));
  } else {
    reply.message = std::string(answer.status().message());
  }
  call.retried = true;
  endpoints_.Failed(endpoint);
  ++call.failures;
  absl::Duration delay = absl::ZeroDuration();
  if (const size_t rounds = call.failures / endpoints_.count(); rounds > 0) {
    delay = kFirstBackoff * static_cast<double>(uint64_t{1} << std::min<size_t>(rounds - 1, 5));
    delay = loop_.Jitter(std::min(delay, kMaxBackoff), 0.2);
  }
  Retry(id, delay, std::move(reply));
}

void KubeClient::Retry(uint64_t id, absl::Duration delay, ApiReply failure) {
  Call& call = *calls_.at(id);
  if (loop_.now() + delay >= call.deadline) return Finish(id, std::move(failure));
  call.timer = loop_.After(delay, [this, id] { Attempt(id); });
}

void KubeClient::Finish(uint64_t id, ApiReply reply) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  std::unique_ptr<Call> call = std::move(found->second);
  calls_.erase(found);
  reply.retried = call->retried;
  call->done(std::move(reply));
}

std::unique_ptr<Transport::Handle> KubeClient::Stream(const ApiRequest& request,
                                                      net::HttpClient::StreamCallbacks callbacks,
                                                      size_t& endpoint) {
  net::HttpClientRequest http = ToHttp(request);
  http.timeout = options_.attempt_timeout;
  endpoint = endpoints_.current();
  return transport_.Stream(endpoint, std::move(http), std::move(callbacks));
}

}  // namespace pintle::client

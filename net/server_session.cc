#include "net/server_session.h"

#include <algorithm>

#include "net/http1_session.h"
#include "net/http2_exchange.h"

namespace pintle::net {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr absl::Duration kPrefaceTimeout = absl::Seconds(10);

}  // namespace

void ServerSession::Receive(std::string_view bytes) {
  if (inner_ != nullptr) return inner_->Receive(bytes);
  if (over_) return;
  first_bytes_.append(bytes);
  const size_t compared = std::min(first_bytes_.size(), kPreface.size());
  const bool matches =
      std::string_view(first_bytes_).substr(0, compared) == kPreface.substr(0, compared);
  if (matches && compared < kPreface.size()) {
    if (timer_ != nullptr) return;
    timer_ = host_.executor().After(kPrefaceTimeout, [this] {
      over_ = true;
      host_.RequestFlush();
    });
    return;
  }
  timer_.reset();
  inner_ = MakeSession(matches);
  inner_->Receive(first_bytes_);
  std::string().swap(first_bytes_);
}

std::unique_ptr<Session> ServerSession::MakeSession(bool http2) {
  const ServerOptions& options = context_.options;
  const auto on_refused = [this](const std::string& why) {
    context_.NoteRefused(*host_.peer(), why);
  };
  if (http2) {
    return std::make_unique<Http2Session>(
        host_, *this, *context_.backlogs,
        Http2Session::Options{.max_header_bytes = options.max_header_bytes,
                              .max_concurrent_streams = options.max_concurrent_streams,
                              .keepalive = options.keepalive,
                              .on_refused = on_refused});
  }
  return std::make_unique<Http1Session>(
      host_, context_.http, *context_.backlogs,
      Http1Session::Options{.max_header_bytes = options.max_header_bytes,
                            .max_body_bytes = options.max_http_body_bytes,
                            .on_refused = on_refused});
}

std::shared_ptr<Http2StreamUser> ServerSession::OnRequest(Http2Stream& stream, SessionHost& host,
                                                          bool over_limit) {
  if (stream.request().grpc) {
    auto call = std::make_shared<GrpcServerCall>(stream, host, context_.methods,
                                                 context_.options.max_grpc_message_bytes);
    call->Begin(over_limit);
    return call;
  }
  auto exchange = std::make_shared<Http2Exchange>(stream, host, context_.http,
                                                  context_.options.max_http_body_bytes);
  exchange->Begin(over_limit);
  return exchange;
}

void ServerSession::ReceiveEnd() {
  if (inner_ != nullptr) return inner_->ReceiveEnd();
  over_ = true;
}

void ServerSession::Produce(std::string& out, size_t limit_bytes) {
  if (inner_ != nullptr) inner_->Produce(out, limit_bytes);
}

void ServerSession::Shutdown() {
  if (inner_ != nullptr) return inner_->Shutdown();
  over_ = true;
}

void ServerSession::Closed() {
  timer_.reset();
  if (inner_ != nullptr) return inner_->Closed();
  over_ = true;
}

}  // namespace pintle::net

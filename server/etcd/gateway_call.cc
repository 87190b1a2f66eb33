#include "server/etcd/gateway_call.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "net/grpc_framing.h"
#include "server/etcd/gateway.h"
#include "server/etcd/gateway_json.h"
#include "server/etcd/http_replies.h"

namespace pintle::server::etcd {
namespace {

constexpr std::string_view kMetadataPrefix = "grpc-metadata-";

net::Headers MetadataOf(const net::HttpRequest& request) {
  net::Headers metadata;
  for (const auto& [name, value] : request.headers.fields()) {
    if (name == "authorization") metadata.Add(name, value);
    if (name.starts_with(kMetadataPrefix)) {
      metadata.Add(name.substr(kMetadataPrefix.size()), value);
    }
  }
  return metadata;
}

std::string ErrorBody(const absl::Status& status) {
  const std::string text = QuoteJson(std::string(status.message()));
  return absl::StrCat("{\"error\":", text, ",\"code\":", status.raw_code(), ",\"message\":", text,
                      "}");
}

net::Headers AnswerHeaders() {
  net::Headers headers = PlainHeaders("application/json");
  headers.Add("grpc-metadata-content-type", "application/grpc");
  return headers;
}

}  // namespace

void GatewayCall::RespondError(net::HttpExchange& exchange, const absl::Status& status) {
  net::Headers headers = PlainHeaders("application/json");
  if (status.code() == absl::StatusCode::kUnauthenticated) {
    headers.Add("www-authenticate", std::string(status.message()));
  }
  exchange.Respond(HttpStatusOfGrpc(status.raw_code()), std::move(headers), ErrorBody(status));
}

absl::StatusOr<std::vector<std::string>> GatewayCall::ReadMessages(std::string_view body) const {
  std::vector<std::string> messages;
  std::string_view json;
  while (true) {
    const absl::StatusOr<bool> found = NextJson(body, json);
    if (!found.ok()) return found.status();
    if (!*found) break;
    absl::StatusOr<std::string> message = JsonToBytes(*method_.input_type(), json);
    if (!message.ok()) return message.status();
    messages.push_back(*std::move(message));
    if (!method_.client_streaming()) break;  // as etcd, which reads no further
  }
  if (messages.empty() && !method_.client_streaming()) messages.emplace_back();
  return messages;
}

void GatewayCall::Begin(const net::GrpcRouter& router, const net::HttpRequest& request) {
  absl::StatusOr<std::vector<std::string>> messages = ReadMessages(request.body);
  if (!messages.ok()) return RespondError(*exchange_, messages.status());
  const std::string_view timeout = request.headers.Get("grpc-timeout");
  const auto limit =
      timeout.empty() ? std::optional(absl::InfiniteDuration()) : net::ParseGrpcTimeout(timeout);
  if (!limit.has_value()) {
    return RespondError(
        *exchange_, absl::InvalidArgumentError("invalid grpc-timeout: " + std::string(timeout)));
  }
  exchange_->OnClose([self = shared_from_this()] { self->Close(); });
  exchange_->OnDrain([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->call_ != nullptr) self->call_->Drained();
  });
  LocalCallOptions options{.metadata = MetadataOf(request), .peer = request.peer};
  options.counted = true;
  options.on_message = [self = shared_from_this()](const std::string& bytes) {
    self->OnMessage(bytes);
  };
  options.on_end = [self = shared_from_this()](const absl::Status& status) { self->OnEnd(status); };
  options.unsent = [exchange = exchange_] { return exchange->unsent_bytes(); };
  const std::string path = absl::StrCat("/", method_.service()->full_name(), "/", method_.name());
  call_ = LocalCall::Begin(router, path, exchange_->executor(), std::move(options));
  if (*limit != absl::InfiniteDuration()) {
    deadline_ = exchange_->executor().After(*limit, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->OnTimeout();
    });
  }
  for (std::string& message : *messages) call_->Message(std::move(message));
  call_->HalfClose();
}

void GatewayCall::OnMessage(const std::string& bytes) {
  if (!method_.server_streaming()) {
    answer_ = bytes;
    return;
  }
  absl::StatusOr<std::string> json = BytesToJson(*method_.output_type(), bytes);
  if (!json.ok()) return OnEnd(json.status());
  Stream(absl::StrCat("{\"result\":", *json, "}\n"));
}

void GatewayCall::Stream(std::string line) {
  if (!std::exchange(started_, true)) exchange_->Start(200, AnswerHeaders());
  exchange_->Write(std::move(line));
}

void GatewayCall::OnEnd(const absl::Status& status) {
  if (std::exchange(closed_, true)) return;
  deadline_.reset();
  if (started_) {
    if (!status.ok()) Stream(absl::StrCat("{\"error\":", ErrorBody(status), "}\n"));
    return exchange_->Finish();
  }
  if (!status.ok()) return RespondError(*exchange_, status);
  if (method_.server_streaming()) return exchange_->Respond(200, AnswerHeaders(), "");
  const absl::StatusOr<std::string> json = BytesToJson(*method_.output_type(), answer_);
  if (!json.ok()) return RespondError(*exchange_, json.status());
  exchange_->Respond(200, AnswerHeaders(), *json);
}

void GatewayCall::OnTimeout() {
  call_->Cancel();
  OnEnd(absl::DeadlineExceededError("context deadline exceeded"));
}

void GatewayCall::Close() {
  closed_ = true;
  deadline_.reset();
  if (call_ != nullptr) std::exchange(call_, nullptr)->Cancel();
}

}  // namespace pintle::server::etcd

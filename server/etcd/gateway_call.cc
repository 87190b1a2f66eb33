#include "server/etcd/gateway_call.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "net/grpc_framing.h"
#include "server/etcd/gateway.h"
#include "server/etcd/gateway_json.h"
#include "server/etcd/http_replies.h"

namespace pintle::server::etcd {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

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

// As the proxy that etcd uses reads it.
std::string SocketToken(const net::Headers& headers) {
  constexpr std::string_view kBearer = "Bearer,";
  constexpr std::string_view kCookie = "token=";
  const std::string_view protocols = headers.Get("sec-websocket-protocol");
  if (const size_t at = protocols.find(kBearer); at != std::string_view::npos) {
    return std::string(absl::StripAsciiWhitespace(ToAbsl(protocols.substr(at + kBearer.size()))));
  }
  for (const auto cookie : absl::StrSplit(ToAbsl(headers.Get("cookie")), ';')) {
    const absl::string_view pair = absl::StripAsciiWhitespace(cookie);
    if (absl::StartsWith(pair, ToAbsl(kCookie))) return std::string(pair.substr(kCookie.size()));
  }
  return {};
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

void RespondBadOffer(net::HttpExchange& exchange) {
  net::Headers headers = PlainHeaders(kPlainText);
  headers.Add("sec-websocket-version", "13");
  headers.Add("x-content-type-options", "nosniff");
  exchange.Respond(400, std::move(headers), "Bad Request\n");
}

}  // namespace

void GatewayCall::RespondError(net::HttpExchange& exchange, const absl::Status& status) {
  net::Headers headers = PlainHeaders("application/json");
  if (status.code() == absl::StatusCode::kUnauthenticated) {
    headers.Add("www-authenticate", std::string(status.message()));
  }
  exchange.Respond(HttpStatusOfGrpc(status.raw_code()), std::move(headers), ErrorBody(status));
}

void GatewayCall::RespondErrorBySocket(net::HttpExchange& exchange, const absl::Status& status) {
  if (!exchange.Upgrade({}, [](const std::string&) {})) return RespondBadOffer(exchange);
  exchange.Write(ErrorBody(status));
  exchange.Finish();
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
  Open(router, MetadataOf(request), request.peer);
  if (*limit != absl::InfiniteDuration()) {
    deadline_ = exchange_->executor().After(*limit, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->OnTimeout();
    });
  }
  for (std::string& message : *messages) call_->Message(std::move(message));
  call_->HalfClose();
}

void GatewayCall::BeginWebSocket(const net::GrpcRouter& router, const net::HttpRequest& request) {
  net::Headers headers;
  if (request.headers.Get("sec-websocket-protocol").starts_with("Bearer")) {
    headers.Add("sec-websocket-protocol", "Bearer");
  }
  socket_ = exchange_->Upgrade(std::move(headers), [weak = weak_from_this()](std::string text) {
    if (const auto self = weak.lock()) self->TakeFromSocket(text);
  });
  if (!socket_) return RespondBadOffer(*exchange_);
  started_ = true;
  net::Headers metadata = MetadataOf(request);
  if (const std::string token = SocketToken(request.headers); !token.empty()) {
    metadata.Add("token", token);
  }
  Open(router, std::move(metadata), request.peer);
}

void GatewayCall::TakeFromSocket(std::string_view text) {
  if (closed_ || asked_) return;
  const std::shared_ptr<LocalCall> call = call_;
  if (const absl::Status taken = TakePiece(text); !taken.ok()) {
    call->Cancel();
    OnEnd(taken);
  } else if (asked_) {
    call->HalfClose();
  }
}

absl::Status GatewayCall::TakePiece(std::string_view text) {
  PINTLE_RETURN_IF_ERROR(pieces_.Add(text));
  PINTLE_RETURN_IF_ERROR(pieces_.Add("\n"));
  std::string_view json;
  while (!closed_ && !asked_) {
    PINTLE_ASSIGN_OR_RETURN(const bool found, pieces_.Next(json));
    if (!found) break;
    PINTLE_ASSIGN_OR_RETURN(std::string message, JsonToBytes(*method_.input_type(), json));
    call_->Message(std::move(message));
    asked_ = !method_.client_streaming();  // as etcd, which reads no further
  }
  return absl::OkStatus();
}

void GatewayCall::Open(const net::GrpcRouter& router, net::Headers metadata,
                       const std::string& peer) {
  exchange_->OnClose([self = shared_from_this()] { self->Close(); });
  exchange_->OnDrain([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->call_ != nullptr) self->call_->Drained();
  });
  LocalCallOptions options{.metadata = std::move(metadata), .peer = peer};
  options.counted = true;
  options.on_message = [self = shared_from_this()](const std::string& bytes) {
    self->OnMessage(bytes);
  };
  options.on_end = [self = shared_from_this()](const absl::Status& status) { self->OnEnd(status); };
  options.outer = exchange_;
  const std::string path = absl::StrCat("/", method_.service()->full_name(), "/", method_.name());
  call_ = LocalCall::Begin(router, path, exchange_->executor(), std::move(options));
}

void GatewayCall::OnMessage(const std::string& bytes) {
  if (!method_.server_streaming()) {
    answer_ = bytes;
    return;
  }
  absl::StatusOr<std::string> json = BytesToJson(*method_.output_type(), bytes);
  if (!json.ok()) return OnEnd(json.status());
  Stream(absl::StrCat("{\"result\":", *json, "}"));
}

void GatewayCall::Stream(std::string json) {
  if (!std::exchange(started_, true)) exchange_->Start(200, AnswerHeaders());
  exchange_->Write(socket_ ? std::move(json) : json + "\n");
}

void GatewayCall::OnEnd(const absl::Status& status) {
  if (std::exchange(closed_, true)) return;
  deadline_.reset();
  const bool streams = method_.server_streaming();
  if (started_ && (streams || !status.ok())) {
    if (!status.ok() && streams) Stream(absl::StrCat("{\"error\":", ErrorBody(status), "}"));
    if (!status.ok() && !streams) Stream(ErrorBody(status));
    return exchange_->Finish();
  }
  if (!status.ok()) return RespondError(*exchange_, status);
  if (streams) return exchange_->Respond(200, AnswerHeaders(), "");
  const absl::StatusOr<std::string> json = BytesToJson(*method_.output_type(), answer_);
  if (!json.ok()) return RespondError(*exchange_, json.status());
  if (!socket_) return exchange_->Respond(200, AnswerHeaders(), *json);
  Stream(*json);
  exchange_->Finish();
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

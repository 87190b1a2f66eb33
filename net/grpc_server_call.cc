#include "net/grpc_server_call.h"

#include <cassert>
#include <utility>

#include "net/concat.h"
#include "net/http2_fields.h"

namespace pintle::net {
namespace {

Http2Trailers StatusTrailers(const absl::Status& status) {
  Http2Trailers trailers;
  trailers.emplace_back("grpc-status", std::to_string(static_cast<int>(status.code())));
  const std::string_view message(status.message().data(), status.message().size());
  if (!message.empty()) trailers.emplace_back("grpc-message", EncodeGrpcMessage(message));
  return trailers;
}

// `prefix`: "/package.Service/".
template <typename Methods>
bool HasService(const Methods& methods, std::string_view prefix) {
  const auto first = methods.lower_bound(prefix);
  return first != methods.end() && first->first.starts_with(prefix);
}

}  // namespace

absl::Status GrpcMethods::Unknown(std::string_view path) const {
  const size_t slash = path.rfind('/');
  if (path.size() < 2 || path[0] != '/' || slash == 0) {
    return absl::UnimplementedError(Concat("malformed method name: \"", path, "\""));
  }
  const std::string_view service = path.substr(1, slash - 1);
  const std::string_view method = path.substr(slash + 1);
  const bool known = router != nullptr && (HasService(router->unary(), path.substr(0, slash + 1)) ||
                                           HasService(router->stream(), path.substr(0, slash + 1)));
  if (!known) {
    return absl::UnimplementedError(Concat("unknown service ", service));
  }
  return absl::UnimplementedError(Concat("unknown method ", method, " for service ", service));
}

GrpcServerCall::GrpcServerCall(Http2Stream& stream, SessionHost& host, const GrpcMethods& methods,
                               size_t max_message_bytes)
    : stream_(&stream),
      executor_(host.executor()),
      peer_(host.peer()),
      methods_(methods),
      metadata_(std::move(stream.request().headers)),
      deframer_(max_message_bytes) {}

void GrpcServerCall::Begin(bool over_limit) {
  absl::Status status = ReadHead();
  if (status.ok() && over_limit) {
    status = absl::ResourceExhaustedError("too many concurrent calls on this connection");
  }
  if (status.ok()) status = FindMethod(stream_->request().path);
  if (!status.ok()) return Finish(status);
  if (unary_ == nullptr) StartDeadline();
}

absl::Status GrpcServerCall::ReadHead() {
  if (stream_->request().method != "POST") {
    return absl::InternalError(Concat("http2Server.operateHeaders parsed a :method field \"",
                                      stream_->request().method, "\" which should be POST"));
  }
  const std::string_view encoding = metadata_.Get("grpc-encoding");
  if (!encoding.empty() && encoding != "identity") {
    return absl::UnimplementedError(
        Concat("grpc: Decompressor is not installed for grpc-encoding \"", encoding, "\""));
  }
  const std::string_view timeout = metadata_.Get("grpc-timeout");
  if (timeout.empty()) return absl::OkStatus();
  const std::optional<absl::Duration> parsed = ParseGrpcTimeout(timeout);
  if (!parsed.has_value()) {
    return absl::InternalError(Concat("malformed grpc-timeout: \"", timeout, "\""));
  }
  timeout_ = *parsed;
  return absl::OkStatus();
}

absl::Status GrpcServerCall::FindMethod(const std::string& path) {
  if (methods_.router == nullptr) return methods_.Unknown(path);
  if (const auto unary = methods_.router->unary().find(path);
      unary != methods_.router->unary().end()) {
    unary_ = &unary->second;
    return absl::OkStatus();
  }
  const auto stream = methods_.router->stream().find(path);
  if (stream == methods_.router->stream().end()) return methods_.Unknown(path);
  stats_.Begin(*stream->second.stats);
  handler_ = stream->second(shared_from_this());
  return absl::OkStatus();
}

void GrpcServerCall::StartDeadline() {
  if (timeout_ == absl::InfiniteDuration() || ended_ || deadline_ != nullptr) return;
  deadline_ = executor_.After(timeout_, [this] { OnDeadline(); });
}

void GrpcServerCall::OnDeadline() {
  const std::shared_ptr<GrpcServerCall> self = shared_from_this();
  if (stream_ == nullptr) return;
  if (ended_ || stream_->unsent_bytes() > 0) {
    stats_.End(absl::StatusCode::kDeadlineExceeded);
    stream_->Reset(
        NGHTTP2_CANCEL);  // the client does not read: a status would wait behind the rest for ever
  } else {
    Finish(absl::DeadlineExceededError("context deadline exceeded"));
  }
  Release();
}

bool GrpcServerCall::Send(std::string message) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return false;
  Queue(std::move(message));
  return true;
}

void GrpcServerCall::Queue(std::string message) {
  if (!stream_->head_sent()) SendHead();
  stats_.Sent();
  stream_->Write(GrpcPrefix(message.size()));
  stream_->Write(std::move(message));
}

void GrpcServerCall::SendHead() {
  static const nghttp2_nv kHead[] = {MakeStaticField(":status", "200"),
                                     MakeStaticField("content-type", "application/grpc")};
  stream_->SendHead(kHead, std::size(kHead), /*last=*/false);
}

void GrpcServerCall::Finish(const absl::Status& status) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  ended_ = true;
  stats_.End(status.code());
  Http2Trailers trailers = StatusTrailers(status);
  if (stream_->head_sent()) return stream_->End(std::move(trailers));
  absl::InlinedVector<nghttp2_nv, 4> fields = {MakeStaticField(":status", "200"),
                                               MakeStaticField("content-type", "application/grpc")};
  for (const auto& [name, value] : trailers) fields.push_back(MakeField(name, value));
  stream_->SendHead(fields.data(), fields.size(), /*last=*/true);
}

void GrpcServerCall::Reply(std::string message) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  ended_ = true;
  stream_->BeginAnswer();
  Queue(std::move(message));
  stats_.End(absl::StatusCode::kOk);
  stream_->End({{"grpc-status", "0"}});
}

void GrpcServerCall::OnClose(absl::AnyInvocable<void()> callback) {
  on_close_.Add(executor_, std::move(callback));
}

void GrpcServerCall::OnStreamData(std::string_view bytes) {
  std::string message;
  while (!ended_ && !unary_begun_) {
    switch (deframer_.Next(bytes, message)) {
      case GrpcDeframer::Result::kNeedMore:
        return;
      case GrpcDeframer::Result::kMessage:
        OnMessage(std::move(message));
        break;
      case GrpcDeframer::Result::kError:
        return Finish(deframer_.error());
    }
  }
}

void GrpcServerCall::OnMessage(std::string message) {
  if (unary_ == nullptr) {
    stats_.Received();
    if (handler_ != nullptr) handler_->OnMessage(std::move(message));
    return;
  }
  unary_begun_ = true;
  if (HasRoom(0)) return CallUnary(std::move(message));
  waiting_bytes_ = message.size();
  OnRoom(0, [this, message = std::move(message)]() mutable {
    waiting_bytes_ = 0;
    CallUnary(std::move(message));
  });
  StartDeadline();
}

void GrpcServerCall::CallUnary(std::string message) {
  stats_.Begin(*unary_->stats);
  stats_.Received();
  (*unary_)(std::move(message), shared_from_this());
  StartDeadline();  // not needed by what was answered at once
}

void GrpcServerCall::OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  on_room_ = std::move(work);
  stream_->WaitForRoom(answer_bytes);
}

void GrpcServerCall::OnStreamRoom() {
  if (auto work = std::exchange(on_room_, nullptr); work && !ended_) work();
}

void GrpcServerCall::OnStreamEnd() {
  if (ended_) return;
  if (deframer_.mid_message()) return Finish(absl::InternalError("unexpected EOF"));
  if (unary_ == nullptr) {
    if (handler_ != nullptr) handler_->OnHalfClose();
  } else if (!unary_begun_) {
    Finish(absl::InternalError(
        "cardinality violation: received no request message from non-client-streaming RPC"));
  }
}

void GrpcServerCall::OnStreamDrain() {
  if (!ended_ && on_drain_) on_drain_();
}

void GrpcServerCall::OnStreamClose() {
  stream_ = nullptr;
  Release();
}

// Lets go of the service's side: callbacks and handler hold this call, and would keep it for ever.
void GrpcServerCall::Release() {
  ended_ = true;
  stats_.End(absl::StatusCode::kCancelled);
  if (stream_ == nullptr) deadline_.reset();
  on_close_.Run();
  on_drain_ = nullptr;
  on_room_ = nullptr;
  handler_.reset();
}

}  // namespace pintle::net

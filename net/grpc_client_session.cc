#include "net/grpc_client_session.h"

#include <charconv>
#include <utility>

#include "base/check.h"
#include "net/concat.h"
#include "net/http2_fields.h"
#include "net/http_text.h"

namespace pintle::net {
namespace {

constexpr int32_t kStreamWindowBytes = 4 << 20;
constexpr int32_t kConnectionWindowBytes = 16 << 20;
constexpr size_t kMaxMessageBytes = 0x7fffffff;

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

int ToInt(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// PROTOCOL-HTTP2.md, "HTTP2 Transport Mapping" / "HTTP to gRPC Status Code Mapping".
absl::StatusCode CodeOfHttpStatus(int status) {
  switch (status) {
    case 400:
      return absl::StatusCode::kInternal;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kUnknown;
  }
}

absl::StatusCode CodeOfHttp2Error(uint32_t error_code) {
  switch (error_code) {
    case NGHTTP2_REFUSED_STREAM:
      return absl::StatusCode::kUnavailable;
    case NGHTTP2_CANCEL:
      return absl::StatusCode::kCancelled;
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

// ---- GrpcClientCall ----

GrpcClientCall::GrpcClientCall(std::string call_path, absl::Duration call_timeout,
                               std::string call_token)
    : path_(std::move(call_path)),
      timeout_(call_timeout == absl::InfiniteDuration() ? std::string()
                                                        : FormatGrpcTimeout(call_timeout)),
      token_(std::move(call_token)),
      deframer_(kMaxMessageBytes) {}

void GrpcClientCall::Send(std::string message) {
  if (ended_ || half_closed_) return;
  unsent_.Append(GrpcPrefix(message.size()));
  unsent_.Append(std::move(message));
  if (session_ == nullptr) return;
  if (std::exchange(deferred_, false)) nghttp2_session_resume_data(session_->nghttp2_, stream_id_);
  session_->host_.RequestFlush();
}

void GrpcClientCall::HalfClose() {
  half_closed_ = true;
  if (session_ == nullptr) return;
  if (std::exchange(deferred_, false)) nghttp2_session_resume_data(session_->nghttp2_, stream_id_);
  session_->host_.RequestFlush();
}

void GrpcClientCall::End(absl::Status status) {
  if (ended_) return;
  GrpcChannel::Done unary = std::move(done);
  absl::AnyInvocable<void(absl::Status)> stream = std::move(callbacks.on_end);
  Cancel();
  if (unary) {
    if (status.ok()) {
      unary(std::move(reply_));
    } else {
      unary(std::move(status));
    }
  } else if (stream) {
    stream(std::move(status));
  }
}

void GrpcClientCall::Cancel() {
  if (std::exchange(ended_, true)) return;
  deadline.reset();
  if (session_ != nullptr) session_->Reset(stream_id_, NGHTTP2_CANCEL);
}

void GrpcClientCall::Detach() {
  session_ = nullptr;
  unsent_.Clear();
}

void GrpcClientCall::OnMessage(std::string message) {
  if (!done) {
    if (callbacks.on_message) callbacks.on_message(std::move(message));
    return;
  }
  if (std::exchange(has_reply_, true)) {
    End(absl::InternalError("cardinality violation: expected <EOF> for non server-streaming RPCs"));
  } else {
    reply_ = std::move(message);
  }
}

absl::Status GrpcClientCall::Outcome(uint32_t error_code) const {
  if (grpc_status_ == 0) {
    if (done && !has_reply_) return absl::InternalError("cardinality violation: no reply message");
    return absl::OkStatus();
  }
  if (grpc_status_ > 0) {
    const int code =
        grpc_status_ <= 16 ? grpc_status_ : static_cast<int>(absl::StatusCode::kUnknown);
    return absl::Status(static_cast<absl::StatusCode>(code), DecodeGrpcMessage(grpc_message_));
  }
  if (http_status_ != 0 && http_status_ != 200) {
    return absl::Status(CodeOfHttpStatus(http_status_),
                        Concat("unexpected HTTP status code received from server: ", http_status_,
                               " (", ReasonPhrase(http_status_), ")"));
  }
  if (error_code == NGHTTP2_NO_ERROR)
    return absl::InternalError("server closed the stream without sending trailers");
  return absl::Status(CodeOfHttp2Error(error_code),
                      Concat("stream terminated by RST_STREAM with error code: ",
                             std::string_view(nghttp2_http2_strerror(error_code))));
}

// ---- GrpcClientSession ----

struct GrpcClientCallbacks {
  static GrpcClientSession& Self(void* user) { return *static_cast<GrpcClientSession*>(user); }

  static int Header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* user) {
    Self(user).OnHeader(frame->hd.stream_id, View(name, name_size), View(value, value_size));
    return 0;
  }
  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) Self(user).draining_ = true;
    return 0;
  }
  static int Data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                  void* user) {
    Self(user).OnData(id, View(data, size));
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
    Self(user).OnStreamClose(id, error_code);
    return 0;
  }

  static nghttp2_session_callbacks* All() {
    static nghttp2_session_callbacks* const callbacks = [] {
      nghttp2_session_callbacks* made = nullptr;
      PINTLE_CHECK(nghttp2_session_callbacks_new(&made) == 0, "out of memory");
      nghttp2_session_callbacks_set_on_header_callback(made, Header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, FrameReceived);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Data);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, StreamClose);
      return made;
    }();
    return callbacks;
  }

  static nghttp2_option* Options() {
    static nghttp2_option* const option = [] {
      nghttp2_option* made = nullptr;
      PINTLE_CHECK(nghttp2_option_new(&made) == 0, "out of memory");
      nghttp2_option_set_no_closed_streams(made, 1);
      // Until the server's SETTINGS arrive nghttp2 would hold back all but 100 calls.
      nghttp2_option_set_peer_max_concurrent_streams(made, 10000);
      return made;
    }();
    return option;
  }
};

GrpcClientSession::GrpcClientSession(SessionHost& host, const std::string& authority)
    : host_(host), authority_(authority) {
  PINTLE_CHECK(nghttp2_session_client_new2(&nghttp2_, GrpcClientCallbacks::All(), this,
                                           GrpcClientCallbacks::Options()) == 0,
               "out of memory");
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  nghttp2_submit_settings(nghttp2_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(nghttp2_, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
}

GrpcClientSession::~GrpcClientSession() { nghttp2_session_del(nghttp2_); }

void GrpcClientSession::Submit(std::shared_ptr<GrpcClientCall> call) {
  std::vector<nghttp2_nv> fields = {
      MakeStaticField(":method", "POST"),
      MakeStaticField(":scheme", host_.peer()->secure ? "https" : "http"),
      MakeStaticField(":path", call->path_),
      MakeStaticField(":authority", authority_),
      MakeStaticField("content-type", "application/grpc"),
      MakeStaticField("user-agent", "pintle"),
      MakeStaticField("te", "trailers"),
  };
  const auto add = [&fields](const char* name, const std::string& value) {
    if (!value.empty()) fields.push_back(MakeField(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME));
  };
  add("grpc-timeout", call->timeout_);
  add("token", call->token_);
  nghttp2_data_provider provider;
  provider.source.ptr = call.get();
  provider.read_callback = &GrpcClientSession::ReadData;
  const int32_t id = nghttp2_submit_request(nghttp2_, nullptr, fields.data(), fields.size(),
                                            &provider, call.get());
  if (id < 0) {  // stream ids are used up: a new connection has new ones
    draining_ = true;
    return call->End(absl::UnavailableError(std::string(nghttp2_strerror(id))));
  }
  call->session_ = this;
  call->stream_id_ = id;
  calls_.emplace(id, std::move(call));
  host_.RequestFlush();
}

ssize_t GrpcClientSession::ReadData(nghttp2_session*, int32_t, uint8_t* out, size_t limit,
                                    uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& call = *static_cast<GrpcClientCall*>(source->ptr);
  const size_t count = call.unsent_.Take(reinterpret_cast<char*>(out), limit);
  if (call.unsent_.empty() && call.half_closed_) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (count == 0) {
    call.deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(count);
}

GrpcClientCall* GrpcClientSession::FindCall(int32_t id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.get();
}

void GrpcClientSession::OnHeader(int32_t id, std::string_view name, std::string_view value) {
  GrpcClientCall* call = FindCall(id);
  if (call == nullptr) return;
  if (name == ":status") {
    call->http_status_ = ToInt(value);
  } else if (name == "grpc-status") {
    call->grpc_status_ = ToInt(value);
  } else if (name == "grpc-message") {
    call->grpc_message_ = value;
  }
}

void GrpcClientSession::OnData(int32_t id, std::string_view bytes) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const std::shared_ptr<GrpcClientCall> call = found->second;  // its callback may let go of it
  std::string message;
  while (!call->ended()) {
    switch (call->deframer_.Next(bytes, message)) {
      case GrpcDeframer::Result::kNeedMore:
        return;
      case GrpcDeframer::Result::kMessage:
        call->OnMessage(std::move(message));
        break;
      case GrpcDeframer::Result::kError:
        return call->End(call->deframer_.error());
    }
  }
}

void GrpcClientSession::OnStreamClose(int32_t id, uint32_t error_code) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  found->second->error_code_ = error_code;
  found->second->Detach();
  closed_calls_.push_back(std::move(found->second));
  calls_.erase(found);
}

void GrpcClientSession::Reset(int32_t id, uint32_t error_code) {
  nghttp2_submit_rst_stream(nghttp2_, NGHTTP2_FLAG_NONE, id, error_code);
  host_.RequestFlush();
}

void GrpcClientSession::EndClosedCalls() {
  std::vector<std::shared_ptr<GrpcClientCall>> closed;
  closed.swap(closed_calls_);
  for (const std::shared_ptr<GrpcClientCall>& call : closed) {
    call->End(call->Outcome(call->error_code_));
    call->callbacks = {};  // what they hold may hold the call
  }
}

void GrpcClientSession::Receive(std::string_view bytes) {
  if (failed_) return;
  const ssize_t used = nghttp2_session_mem_recv(
      nghttp2_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) failed_ = true;
  EndClosedCalls();
}

void GrpcClientSession::Produce(std::string& out, size_t limit_bytes) {
  while (!failed_ && out.size() < limit_bytes) {
    const uint8_t* data = nullptr;
    const ssize_t count = nghttp2_session_mem_send(nghttp2_, &data);
    if (count < 0) failed_ = true;
    if (count <= 0) break;
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(count));
  }
  EndClosedCalls();
}

bool GrpcClientSession::done() const {
  return failed_ ||
         (nghttp2_session_want_read(nghttp2_) == 0 && nghttp2_session_want_write(nghttp2_) == 0);
}

void GrpcClientSession::Shutdown() {
  draining_ = true;
  nghttp2_submit_goaway(nghttp2_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

void GrpcClientSession::EndAll(const absl::Status& status) {
  std::vector<std::shared_ptr<GrpcClientCall>> calls;
  calls.reserve(calls_.size());
  for (const auto& [id, call] : calls_) calls.push_back(call);
  for (const std::shared_ptr<GrpcClientCall>& call : calls) call->End(status);
}

void GrpcClientSession::Broken(std::string_view why) {
  failed_ = true;
  EndAll(absl::UnavailableError(Concat(
      "connection error: desc = \"transport: authentication handshake failed: ", why, "\"")));
}

void GrpcClientSession::Closed() {
  failed_ = true;
  EndClosedCalls();
  for (const auto& [id, call] : calls_) call->Detach();
  EndAll(absl::UnavailableError("error reading from server: EOF"));
  for (const auto& [id, call] : calls_) call->callbacks = {};
  calls_.clear();
}

}  // namespace pintle::net

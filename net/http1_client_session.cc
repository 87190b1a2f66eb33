#include "net/http1_client_session.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "net/concat.h"
#include "net/http_text.h"
#include "net/parser_calls.h"

namespace pintle::net {
namespace {

constexpr size_t kMaxHeaderBytes = size_t{64} << 10;

std::string SerializeHead(const HttpClientRequest& request, const std::string& authority) {
  std::string head =
      Concat(request.method, " ", std::string_view(request.target.empty() ? "/" : request.target),
             " HTTP/1.1\r\n");
  if (!request.headers.Has("host")) head += Concat("Host: ", authority, "\r\n");
  for (const auto& [name, value] : request.headers.fields()) {
    if (!IsSessionHeader(name)) head += Concat(name, ": ", SafeHeaderValue(value), "\r\n");
  }
  const bool takes_body =
      request.method != "GET" && request.method != "HEAD" && request.method != "DELETE";
  if (takes_body || !request.body.empty()) {
    head += Concat("Content-Length: ", request.body.size(), "\r\n");
  }
  head += "\r\n";
  return head;
}

}  // namespace

void HttpClientCall::End(absl::Status status) {
  if (std::exchange(ended, true)) return;
  timer.reset();
  if (streaming) {
    auto on_end = std::move(callbacks.on_end);
    if (on_end) on_end(std::move(status));
    return;
  }
  HttpClient::Done callback = std::move(done);
  if (!callback) return;
  if (status.ok()) {
    callback(std::move(response));
  } else {
    callback(std::move(status));
  }
}

struct Http1ClientCallbacks : ParserCalls<Http1ClientSession> {
  static const llhttp_settings_t* Settings() {
    static const llhttp_settings_t* const settings = [] {
      auto* made = new llhttp_settings_t;  // for the life of the process
      llhttp_settings_init(made);
      made->on_header_field = Data<&Http1ClientSession::OnField>;
      made->on_header_value = Data<&Http1ClientSession::OnValue>;
      made->on_header_value_complete = Event<&Http1ClientSession::OnValueComplete>;
      made->on_headers_complete = Event<&Http1ClientSession::OnHeadersComplete>;
      made->on_body = Data<&Http1ClientSession::OnBody>;
      made->on_message_complete = Event<&Http1ClientSession::OnMessageComplete>;
      return made;
    }();
    return settings;
  }
};

Http1ClientSession::Http1ClientSession(SessionHost& host, Owner& owner, size_t max_body_bytes)
    : host_(host), owner_(&owner), max_body_bytes_(max_body_bytes) {
  llhttp_init(&parser_, HTTP_RESPONSE, Http1ClientCallbacks::Settings());
  parser_.data = this;
}

void Http1ClientSession::Begin(std::shared_ptr<HttpClientCall> call, const std::string& authority) {
  call_ = std::move(call);
  ++call_->attempts;
  complete_ = in_body_ = answer_begun_ = false;
  header_bytes_ = 0;
  unsent_.Append(SerializeHead(call_->request, authority));
  unsent_.Append(reused_ ? call_->request.body
                         : std::move(call_->request.body));  // kept for a second attempt
  host_.RequestFlush();
}

void Http1ClientSession::Forget() {
  owner_ = nullptr;
  call_ = nullptr;
  unsent_.Clear();
  over_ = true;
}

int Http1ClientSession::OnField(std::string_view piece) {
  header_bytes_ += piece.size();
  field_.append(piece);
  return header_bytes_ > kMaxHeaderBytes ? -1 : 0;
}

int Http1ClientSession::OnValue(std::string_view piece) {
  header_bytes_ += piece.size();
  value_.append(piece);
  return header_bytes_ > kMaxHeaderBytes ? -1 : 0;
}

int Http1ClientSession::OnValueComplete() {
  if (!in_body_ && call_ != nullptr) {
    absl::AsciiStrToLower(&field_);
    absl::StripAsciiWhitespace(&value_);
    call_->response.headers.Add(std::move(field_), std::move(value_));
  }
  field_.clear();
  value_.clear();
  return 0;
}

int Http1ClientSession::OnHeadersComplete() {
  if (call_ == nullptr) return -1;
  const std::shared_ptr<HttpClientCall> call = call_;
  if (parser_.status_code < 200) {  // an interim answer: the real one follows
    call->response.headers = Headers();
    return 0;
  }
  in_body_ = true;
  call->response.status = parser_.status_code;
  if (call->streaming && !call->ended) {
    call->timer.reset();
    if (call->callbacks.on_head)
      call->callbacks.on_head(call->response.status, call->response.headers);
  }
  return call->request.method == "HEAD" ? 1 : 0;
}

int Http1ClientSession::OnBody(std::string_view piece) {
  const std::shared_ptr<HttpClientCall> call = call_;
  if (call == nullptr) return -1;
  if (call->ended) return 0;
  if (call->streaming) {
    if (call->callbacks.on_piece) call->callbacks.on_piece(piece);
    return 0;
  }
  if (call->response.body.size() + piece.size() > max_body_bytes_) {
    error_ = absl::ResourceExhaustedError(
        Concat("the answer is larger than ", max_body_bytes_, " bytes"));
    return -1;
  }
  call->response.body.append(piece);
  return 0;
}

int Http1ClientSession::OnMessageComplete() {
  if (parser_.status_code < 200) return 0;
  keep_alive_ = llhttp_should_keep_alive(&parser_) != 0;
  complete_ = true;
  return HPE_PAUSED;
}

void Http1ClientSession::Receive(std::string_view bytes) {
  if (over_) return;
  if (call_ == nullptr) {  // a server that speaks unasked (408 before it closes) is left
    over_ = true;
    return;
  }
  answer_begun_ = true;
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (complete_) {
    const char* end =
        error == HPE_PAUSED ? llhttp_get_error_pos(&parser_) : bytes.data() + bytes.size();
    if (end != bytes.data() + bytes.size()) keep_alive_ = false;
    llhttp_resume(&parser_);
    return Complete();
  }
  if (error == HPE_OK || over_) return;
  if (!error_.ok()) return Fail(error_);
  Fail(absl::UnavailableError(
      Concat("malformed HTTP response: ", std::string_view(llhttp_errno_name(error)))));
}

void Http1ClientSession::Complete() {
  const std::shared_ptr<HttpClientCall> call = std::exchange(call_, nullptr);
  if (!keep_alive_) {
    over_ = true;
  } else {
    reused_ = true;
    if (owner_ != nullptr) owner_->OnIdle(*this);
  }
  host_.RequestFlush();
  if (call != nullptr) {
    call->End(absl::OkStatus());
    call->callbacks = {};  // what they hold may hold the call
  }
}

void Http1ClientSession::Fail(absl::Status status) {
  over_ = true;
  unsent_.Clear();
  host_.RequestFlush();
  const std::shared_ptr<HttpClientCall> call = std::exchange(call_, nullptr);
  if (call == nullptr) return;
  call->End(std::move(status));
  call->callbacks = {};
}

void Http1ClientSession::ReceiveEnd() {
  if (call_ != nullptr && answer_begun_) {
    llhttp_finish(&parser_);  // completes an answer that the connection's end delimits
    if (complete_) return Complete();
  }
  over_ = true;
  unsent_.Clear();
}

void Http1ClientSession::Produce(std::string& out, size_t limit_bytes) {
  unsent_.Take(out, limit_bytes);
}

void Http1ClientSession::Broken(std::string_view why) {
  Fail(absl::UnavailableError(Concat("tls: ", why)));
}

void Http1ClientSession::Closed() {
  over_ = true;
  if (call_ == nullptr) return;
  if (answer_begun_ || owner_ == nullptr) return Fail(absl::UnavailableError("unexpected EOF"));
  owner_->OnUnanswered(std::exchange(call_, nullptr), reused_);
}

}  // namespace pintle::net

#include "net/http2_exchange.h"

#include <cassert>
#include <utility>
#include <vector>

#include "net/http2_fields.h"
#include "net/http_text.h"

namespace pintle::net {

Http2Exchange::Http2Exchange(Http2Stream& stream, SessionHost& host, HttpHandler& handler,
                             size_t max_body_bytes)
    : stream_(&stream),
      executor_(host.executor()),
      handler_(handler),
      max_body_bytes_(max_body_bytes) {
  Http2Request& head = stream.request();
  SplitTarget(head.path, request_.path, request_.query);
  request_.method = std::move(head.method);
  request_.headers = std::move(head.headers);
  if (!head.content_type.empty())
    request_.headers.Add("content-type", std::move(head.content_type));
  request_.peer = host.peer()->address;
  request_.secure = host.peer()->secure;
  head_only_ = request_.method == "HEAD";
}

void Http2Exchange::Begin(bool over_limit) {
  if (over_limit) return Refuse(503);
  if (request_.method == "CONNECT") return Refuse(405);
}

void Http2Exchange::Refuse(int status) {
  Headers headers;
  headers.Add("content-type", "text/plain; charset=utf-8");
  Respond(status, std::move(headers), PlainErrorBody(status));
}

void Http2Exchange::SendHead(int status, const Headers& headers, const std::string& length,
                             bool last) {
  const std::string status_text = std::to_string(status);
  std::vector<std::string> values;  // made safe; kept until submitted
  values.reserve(headers.fields().size());
  std::vector<nghttp2_nv> fields;
  fields.reserve(headers.fields().size() + 3);
  fields.push_back(MakeField(":status", status_text));
  for (const auto& [name, value] : headers.fields()) {
    if (IsSessionHeader(name)) continue;
    values.push_back(SafeHeaderValue(value));
    fields.push_back(MakeField(name, values.back()));
  }
  fields.push_back(MakeField("date", HttpDate()));
  if (!length.empty()) fields.push_back(MakeField("content-length", length));
  stream_->SendHead(fields.data(), fields.size(), last);
}

void Http2Exchange::Respond(int status, Headers headers, std::string body) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  ended_ = true;
  const bool bodiless = head_only_ || StatusForbidsBody(status) || body.empty();
  const std::string length =
      StatusForbidsBody(status) ? std::string() : std::to_string(body.size());
  SendHead(status, headers, length, bodiless);
  if (bodiless) return;
  stream_->BeginAnswer();
  stream_->Write(std::move(body));
  stream_->End({});
}

void Http2Exchange::Start(int status, Headers headers) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  ended_ = head_only_;
  SendHead(status, headers, std::string(), head_only_);
}

bool Http2Exchange::Write(std::string chunk) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return false;
  stream_->Write(std::move(chunk));
  return true;
}

void Http2Exchange::Finish() {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  ended_ = true;
  stream_->End({});
}

void Http2Exchange::OnClose(absl::AnyInvocable<void()> callback) {
  on_close_.Add(executor_, std::move(callback));
}

void Http2Exchange::OnStreamData(std::string_view bytes) {
  if (ended_) return;
  if (request_.body.size() + bytes.size() > max_body_bytes_) return Refuse(413);
  request_.body.append(bytes);
}

void Http2Exchange::OnStreamEnd() {
  if (ended_) return;
  const auto handle = [this] { handler_.Handle(std::move(request_), shared_from_this()); };
  if (HasRoom(0)) return handle();
  OnRoom(0, handle);
}

void Http2Exchange::OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) {
  assert(executor_.OnThread());
  if (ended_ || stream_ == nullptr) return;
  on_room_ = std::move(work);
  stream_->WaitForRoom(answer_bytes);
}

void Http2Exchange::OnStreamRoom() {
  if (auto work = std::exchange(on_room_, nullptr); work && !ended_) work();
}

void Http2Exchange::OnStreamDrain() {
  if (!ended_ && on_drain_) on_drain_();
}

void Http2Exchange::OnStreamClose() {
  stream_ = nullptr;
  ended_ = true;
  on_close_.Run();
  on_drain_ = nullptr;
  on_room_ = nullptr;
}

}  // namespace pintle::net

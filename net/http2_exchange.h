// Http2Exchange: an HttpExchange on an HTTP/2 stream. Private to net/.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/close_callbacks.h"
#include "net/http.h"
#include "net/http2_session.h"

namespace pintle::net {

class Http2Exchange final : public HttpExchange,
                            public Http2StreamUser,
                            public std::enable_shared_from_this<Http2Exchange> {
 public:
  Http2Exchange(Http2Stream& stream, SessionHost& host, HttpHandler& handler,
                size_t max_body_bytes);

  void Begin(bool over_limit);

  void Respond(int status, Headers headers, std::string body) override;
  void Start(int status, Headers headers) override;
  bool Write(std::string chunk) override;
  void Finish() override;
  size_t unsent_bytes() const override { return stream_ == nullptr ? 0 : stream_->unsent_bytes(); }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override;
  bool HasRoom(size_t answer_bytes) const override {
    return stream_ == nullptr || stream_->HasRoom(answer_bytes);
  }
  void OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) override;
  bool WantsMore(size_t most_unsent_bytes) override {
    return stream_ != nullptr && stream_->WantsMore(most_unsent_bytes);
  }
  Executor& executor() override { return executor_; }

  void OnStreamData(std::string_view bytes) override;
  void OnStreamEnd() override;
  void OnStreamDrain() override;
  void OnStreamRoom() override;
  void OnStreamClose() override;
  size_t held_bytes() const override { return ended_ ? 0 : request_.body.size(); }

 private:
  void Refuse(int status);
  void SendHead(int status, const Headers& headers, const std::string& length, bool last);

  Http2Stream* stream_;  // null once the stream is gone
  Executor& executor_;
  HttpHandler& handler_;
  const size_t max_body_bytes_;
  HttpRequest request_;
  bool head_only_ = false;
  bool ended_ = false;
  absl::AnyInvocable<void()> on_drain_;
  absl::AnyInvocable<void()> on_room_;
  CloseCallbacks on_close_;
};

}  // namespace pintle::net

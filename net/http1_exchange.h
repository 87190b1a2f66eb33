// Http1Exchange: an HttpExchange on an HTTP/1.1 connection. Private to net/.
#pragma once

#include <memory>
#include <string>

#include "net/close_callbacks.h"
#include "net/http.h"
#include "net/http1_session.h"

namespace pintle::net {

class Http1Exchange final : public HttpExchange {
 public:
  Http1Exchange(Http1Session& session, Executor& executor, bool head_only, bool http_1_0)
      : session_(&session), executor_(executor), head_only_(head_only), http_1_0_(http_1_0) {}

  void Respond(int status, Headers headers, std::string body) override;
  void Start(int status, Headers headers) override;
  bool Write(std::string chunk) override;
  void Finish() override;
  bool Upgrade(Headers headers, absl::AnyInvocable<void(std::string)> on_message) override;
  size_t unsent_bytes() const override {
    return session_ == nullptr ? 0 : session_->unsent_.size();
  }
  void OnDrain(absl::AnyInvocable<void()> callback) override { on_drain_ = std::move(callback); }
  void OnClose(absl::AnyInvocable<void()> callback) override;
  bool HasRoom(size_t answer_bytes) const override {
    return session_ == nullptr || session_->HasRoom(answer_bytes);
  }
  void OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) override;
  bool WantsMore(size_t most_unsent_bytes) override;
  Executor& executor() override { return executor_; }

  bool started() const { return started_; }
  void Drained();
  void LookAgain();                    // whether there is room now
  void Received(std::string message);  // by a WebSocket
  void Detach();                       // answered, or the client is gone: OnClose runs

 private:
  Http1Session* session_;  // null once detached
  Executor& executor_;
  const bool head_only_;
  const bool http_1_0_;
  bool started_ = false;
  absl::AnyInvocable<void(std::string)> on_message_;  // set: it is a WebSocket
  absl::AnyInvocable<void()> on_drain_;
  absl::AnyInvocable<void()> on_room_;
  size_t wanted_bytes_ = 0;  // of on_room_
  bool stopped_ = false;     // WantsMore was false, and not by what is unsent here
  CloseCallbacks on_close_;
};

}  // namespace pintle::net

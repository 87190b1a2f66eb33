#include "net/http1_exchange.h"

#include <cassert>
#include <cstdio>
#include <utility>

#include "net/concat.h"
#include "net/http_text.h"
#include "net/websocket.h"

namespace pintle::net {
namespace {

std::string ChunkHead(size_t bytes) {
  char text[24];
  const int size = std::snprintf(text, sizeof(text), "%zx\r\n", bytes);
  return {text, static_cast<size_t>(size)};
}

}  // namespace

void Http1Exchange::Respond(int status, Headers headers, std::string body) {
  assert(executor_.OnThread());
  if (session_ == nullptr || started_) return;
  started_ = true;
  const std::string framing =
      StatusForbidsBody(status) ? "" : Concat("Content-Length: ", body.size(), "\r\n");
  session_->SendHead(status, headers, framing);
  if (!head_only_ && !StatusForbidsBody(status)) session_->Queue(std::move(body));
  session_->ExchangeDone();
}

void Http1Exchange::Start(int status, Headers headers) {
  assert(executor_.OnThread());
  if (session_ == nullptr || started_) return;
  started_ = true;
  if (http_1_0_) session_->keep_alive_ = false;  // the end of the connection ends the answer
  session_->SendHead(status, headers, http_1_0_ ? "" : "Transfer-Encoding: chunked\r\n");
}

bool Http1Exchange::Write(std::string chunk) {
  assert(executor_.OnThread());
  if (session_ == nullptr || !started_) return false;
  if (head_only_ || chunk.empty()) return true;  // an empty chunk would mean the end
  if (on_message_) {
    session_->Queue(WebSocketFrame(WebSocketOpcode::kText, chunk));
    return true;
  }
  if (http_1_0_) {
    session_->Queue(std::move(chunk));
    return true;
  }
  session_->Queue(ChunkHead(chunk.size()));
  session_->Queue(std::move(chunk));
  session_->Queue("\r\n");
  return true;
}

void Http1Exchange::Finish() {
  assert(executor_.OnThread());
  if (session_ == nullptr || !started_) return;
  if (on_message_) return session_->EndWebSocket(kWebSocketNormalClosure);
  if (!head_only_ && !http_1_0_) session_->Queue("0\r\n\r\n");
  session_->ExchangeDone();
}

bool Http1Exchange::Upgrade(Headers headers, absl::AnyInvocable<void(std::string)> on_message) {
  assert(executor_.OnThread());
  if (session_ == nullptr || started_ || !session_->BeginWebSocket(headers)) return false;
  started_ = true;
  on_message_ = std::move(on_message);
  return true;
}

void Http1Exchange::OnClose(absl::AnyInvocable<void()> callback) {
  on_close_.Add(executor_, std::move(callback));
}

void Http1Exchange::OnRoom(size_t answer_bytes, absl::AnyInvocable<void()> work) {
  assert(executor_.OnThread());
  if (session_ == nullptr) return;
  on_room_ = std::move(work);
  wanted_bytes_ = answer_bytes;
  session_->LookAgain();
}

bool Http1Exchange::WantsMore(size_t most_unsent_bytes) {
  if (session_ == nullptr || session_->unsent_.size() >= most_unsent_bytes) return false;
  if (session_->HasRoom(0)) return true;
  stopped_ = true;
  session_->LookAgain();
  return false;
}

void Http1Exchange::LookAgain() {
  if (session_ == nullptr || (!on_room_ && !stopped_)) return;
  if (!session_->HasRoom(on_room_ ? wanted_bytes_ : 0)) return session_->LookAgain();
  if (std::exchange(stopped_, false)) Drained();
  if (auto work = std::exchange(on_room_, nullptr)) work();
}

void Http1Exchange::Drained() {
  if (on_drain_) on_drain_();
}

void Http1Exchange::Received(std::string message) { on_message_(std::move(message)); }

void Http1Exchange::Detach() {
  session_ = nullptr;
  on_close_.Run();
  on_drain_ = nullptr;
  on_room_ = nullptr;
}

}  // namespace pintle::net

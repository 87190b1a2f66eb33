// Http1Session: the server's end of one HTTP/1.1 connection, on llhttp. Bytes in, bytes out.
// Private to net/.
//
// Requests are answered one by one in order; what a client pipelines meanwhile waits, up to a
// bound, then in the kernel. While all connections together keep too much (net/backlog.h), large
// answers wait and large bodies are refused (503). Once the handler accepts a WebSocket, its frames
// (websocket.h) take the connection. Refused by itself: 400 malformed (Content-Length together with
// Transfer-Encoding, missing Host, …), 405 CONNECT, 408 too slow, 413, 417, 431, 505. Reading goes
// on while an answer is under way, so that a client that leaves an idle stream is noticed. Source:
// RFC 9112, RFC 9110; llhttp 8.1, strict.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "net/backlog.h"
#include "net/byte_queue.h"
#include "net/http.h"
#include "net/session.h"
#include "net/websocket.h"

namespace pintle::net {

class Http1Exchange;

class Http1Session final : public Session {
 public:
  struct Options {
    size_t max_header_bytes = kMostHeadBytes;
    size_t max_body_bytes = kMostHttpBodyBytes;
    absl::Duration head_timeout =
        absl::Seconds(10);  // from a request's first byte to its blank line
    absl::Duration body_timeout = absl::Seconds(60);  // from there to its end
    // For the answer to a client that has ended its half, and so may be gone altogether.
    absl::Duration half_closed_wait = absl::Seconds(3);
    std::function<void(const std::string& why)> on_refused;  // a head that is too large
  };

  // `backlogs` outlive the session.
  Http1Session(SessionHost& host, HttpHandler& handler, Backlogs& backlogs, Options options);
  ~Http1Session() override;
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override;
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override;
  bool done() const override;
  void Shutdown() override;
  void Closed() override;

 private:
  friend class Http1Exchange;
  friend struct Http1Callbacks;
  enum class Phase { kIdle, kHead, kBody };

  // Parser's callbacks; non-zero stops it.
  int OnUrl(std::string_view piece);
  int OnField(std::string_view piece);
  int OnValue(std::string_view piece);
  int OnValueComplete();
  int OnHeadersComplete();
  int OnBody(std::string_view piece);
  int OnMessageComplete();
  void OnMessageBegin();

  int CountHeader(size_t bytes);
  int CheckHead();
  bool SetTarget();
  int RefuseWith(int status);

  bool HasRoom(size_t answer_bytes) const { return answers_.MayGrow(unsent_.size(), answer_bytes); }
  void LookAgain();  // soon, for the exchange
  void Report();

  bool CanParse() const;
  void Parse(std::string_view bytes);
  void ParseStash();
  void Dispatch();
  void WatchTime();
  void Refuse(int status);
  void DropExchange();  // the client is gone

  // For the exchange under way.
  void SendHead(int status, const Headers& headers, std::string_view framing);
  void Queue(std::string bytes);
  void ExchangeDone();
  bool BeginWebSocket(const Headers& headers);  // false: not offered, or not as it should be
  void EndWebSocket(uint16_t code);
  void ReadWebSocket(std::string_view bytes);

  SessionHost& host_;
  HttpHandler& handler_;
  const Options options_;
  llhttp_t parser_;
  Phase phase_ = Phase::kIdle;
  HttpRequest request_;
  std::string target_;
  std::string field_;
  std::string value_;
  size_t header_bytes_ = 0;
  int refuse_status_ = 0;
  bool keep_alive_ = true;  // after the answer under way
  bool http_1_0_ = false;
  std::shared_ptr<Http1Exchange> exchange_;  // under way
  std::string stash_;                        // pipelined behind it
  std::optional<std::string> accept_;        // its answer to a WebSocket's offer
  std::unique_ptr<WebSocketReader> websocket_;
  ByteQueue unsent_;
  size_t sent_bytes_ = 0;      // since the last Report
  size_t received_bytes_ = 0;  // of whole bodies, likewise
  BacklogPart answers_;
  BacklogPart requests_;
  std::unique_ptr<Executor::Timer> look_again_;
  bool above_drain_mark_ = false;
  bool closing_ = false;  // what is in unsent_ is the last
  bool end_received_ = false;
  bool shutdown_ = false;
  Phase timed_phase_ = Phase::kIdle;
  std::unique_ptr<Executor::Timer> timer_;
};

}  // namespace pintle::net

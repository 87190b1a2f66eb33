// Http1ClientSession: the client's end of one HTTP/1.1 connection: one request at a time, kept
// alive between. Private to net/.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/byte_queue.h"
#include "net/http_client.h"
#include "net/session.h"

namespace pintle::net {

// One request, from the moment the caller asked for it until it is answered, failed or let go.
struct HttpClientCall : std::enable_shared_from_this<HttpClientCall> {
  HttpClientRequest request;
  HttpClient::Done done;                  // set for Send
  HttpClient::StreamCallbacks callbacks;  // used for Stream
  bool streaming = false;
  HttpClientResponse response;
  std::unique_ptr<Executor::Timer> timer;
  bool ended = false;
  int attempts = 0;

  void End(absl::Status status);
};

class Http1ClientSession final : public Session {
 public:
  // What the session's owner is told; never from inside llhttp.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnIdle(
        Http1ClientSession& session) = 0;  // answered, and the connection may be used again
    // The connection ended before the first byte of the answer came.
    virtual void OnUnanswered(std::shared_ptr<HttpClientCall> call, bool reused) = 0;
  };

  Http1ClientSession(SessionHost& host, Owner& owner, size_t max_body_bytes);

  void Begin(std::shared_ptr<HttpClientCall> call, const std::string& authority);
  void Forget();  // the owner is gone or the call was let go: tell nobody, and close

  void Receive(std::string_view bytes) override;
  void ReceiveEnd() override;
  void Produce(std::string& out, size_t limit_bytes) override;
  bool WantsRead() const override { return true; }
  bool done() const override { return over_ && unsent_.empty(); }
  void Shutdown() override { over_ = true; }
  void Broken(std::string_view why) override;
  void Closed() override;

 private:
  friend struct Http1ClientCallbacks;

  int OnField(std::string_view piece);
  int OnValue(std::string_view piece);
  int OnValueComplete();
  int OnHeadersComplete();
  int OnBody(std::string_view piece);
  int OnMessageComplete();
  void Fail(absl::Status status);
  void Complete();

  SessionHost& host_;
  Owner* owner_;
  const size_t max_body_bytes_;
  llhttp_t parser_;
  std::shared_ptr<HttpClientCall> call_;  // under way
  ByteQueue unsent_;
  std::string field_;
  std::string value_;
  size_t header_bytes_ = 0;
  bool in_body_ = false;
  bool answer_begun_ = false;
  bool reused_ = false;
  bool keep_alive_ = false;
  bool complete_ = false;
  absl::Status error_;  // of the answer, found while parsing
  bool over_ = false;
};

}  // namespace pintle::net

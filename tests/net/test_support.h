// What the tests of net/ share: a session without a socket, a server on loopback, a raw socket,
// hand-made frames.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/grpc.h"
#include "net/server.h"
#include "net/session.h"

namespace pintle::net {

// As Abseil's, on std::mutex: ThreadSanitizer cannot see into the packaged Abseil and would report
// races.
class Notification {
 public:
  void Notify() {
    std::lock_guard lock(mutex_);
    notified_ = true;
    changed_.notify_all();
  }
  bool HasBeenNotified() {
    std::lock_guard lock(mutex_);
    return notified_;
  }
  void WaitForNotification() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return notified_; });
  }
  bool WaitForNotificationWithTimeout(absl::Duration limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit), [this] { return notified_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
};

class BlockingCounter {
 public:
  explicit BlockingCounter(int count) : left_(count) {}
  void DecrementCount() {
    std::lock_guard lock(mutex_);
    if (--left_ == 0) changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return left_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int left_;
};

// Runs work and timers when told to.
class ManualExecutor final : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> work) override { posted_.push_back(std::move(work)); }
  [[nodiscard]] std::unique_ptr<Timer> After(absl::Duration delay,
                                             absl::AnyInvocable<void()> work) override;
  bool OnThread() const override { return true; }

  void RunPosted();
  void Advance(absl::Duration by);  // fires what is due
  size_t pending_timers() const { return timers_.size(); }

 private:
  struct Entry {
    absl::Duration at;
    absl::AnyInvocable<void()> work;
  };
  class ManualTimer;
  absl::Duration now_;
  std::list<Entry> timers_;
  std::list<absl::AnyInvocable<void()>> posted_;
};

// The place of a Connection: collects what the session produces. `limit` as the socket's buffer
// would be.
class FakeHost final : public SessionHost {
 public:
  void RequestFlush() override { flush_requested_ = true; }
  void Abort() override { aborted = true; }
  Executor& executor() override { return manual; }
  const std::shared_ptr<const PeerIdentity>& peer() const override { return peer_; }

  // Feeds the bytes, then takes what the session has to say.
  std::string Exchange(Session& session, std::string_view bytes);
  std::string Flush(Session& session);

  ManualExecutor manual;
  bool aborted = false;

 private:
  bool flush_requested_ = false;
  std::shared_ptr<const PeerIdentity> peer_ =
      std::make_shared<const PeerIdentity>(PeerIdentity{.address = "127.0.0.1:1"});
};

// ---- HTTP/2 frames by hand (RFC 9113 §4.1, §6) ----

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kRstStreamFrame = 3,
  kSettingsFrame = 4,
  kPingFrame = 6,
  kGoawayFrame = 7,
  kWindowUpdateFrame = 8,
  kContinuationFrame = 9,
};
inline constexpr uint8_t kEndStream = 1, kEndHeaders = 4, kAck = 1;

std::string Frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload);
std::string Fixed32(uint32_t value);  // big-endian
// HPACK: literal without indexing, no Huffman (RFC 7541 §6.2.2).
std::string Field(std::string_view name, std::string_view value);
std::string GrpcHead(std::string_view path, std::string_view more_fields = {});
std::string GrpcMessage(std::string_view message);
// Preface, empty SETTINGS.
std::string Hello();
// HEADERS and DATA of a whole unary call.
std::string UnaryCall(uint32_t stream, std::string_view path, std::string_view message,
                      std::string_view more_fields = {});

struct ReceivedFrame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;
};
// Takes whole frames from the front of `bytes`.
std::vector<ReceivedFrame> TakeFrames(std::string& bytes);
// Frames of one type on one stream.
std::vector<ReceivedFrame> Select(const std::vector<ReceivedFrame>& frames, FrameType type,
                                  uint32_t stream);
uint32_t ErrorCode(const ReceivedFrame& frame);  // of RST_STREAM or GOAWAY

// Decodes header blocks in order, as one connection's.
class HeaderDecoder {
 public:
  HeaderDecoder();
  ~HeaderDecoder();
  Headers Decode(std::string_view block);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- a server on loopback ----

// A blocking socket whose reads give up after five seconds.
class RawSocket {
 public:
  explicit RawSocket(uint16_t port, int receive_buffer_bytes = 0);
  ~RawSocket();
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  bool Send(std::string_view bytes);  // false: the connection is gone
  void EndSending();
  void Close();
  std::string ReadSome();  // empty: end, reset or nothing for five seconds
  std::string ReadUntil(std::string_view marker);
  std::string ReadToEnd();
  bool AtEnd();  // the server closed: waits up to five seconds
  // Frames until one satisfies `last` (included), or the end.
  std::vector<ReceivedFrame> ReadFrames(const std::function<bool(const ReceivedFrame&)>& last);

 private:
  int fd_ = -1;
  std::string frame_bytes_;
};

class LambdaHandler final : public HttpHandler {
 public:
  using Function = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;
  explicit LambdaHandler(Function function) : function_(std::move(function)) {}
  void Handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) override {
    function_(std::move(request), std::move(exchange));
  }

 private:
  Function function_;
};

// Answers every request with "METHOD path query body-size".
void EchoHandler(HttpRequest request, std::shared_ptr<HttpExchange> exchange);

struct LambdaStream final : GrpcStreamHandler {
  std::function<void(std::string)> on_message;
  std::function<void()> on_half_close;
  void OnMessage(std::string message) override {
    if (on_message) on_message(std::move(message));
  }
  void OnHalfClose() override {
    if (on_half_close) on_half_close();
  }
};

// "/t.T/Echo" (unary) and "/t.T/Chat" (echoes each message, OK at half-close) are always there.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}, std::function<void(GrpcRouter&)> add_methods = {},
                      LambdaHandler::Function http = EchoHandler, uint16_t port = 0,
                      int threads = 1);

  uint16_t port() const { return port_; }
  Server& server() { return *server_; }
  IoThreads& threads() { return threads_; }

 private:
  IoThreads threads_;
  GrpcRouter router_;
  LambdaHandler http_;
  std::unique_ptr<Server> server_;
  uint16_t port_ = 0;
};

// Runs `work` on the executor's thread and waits for it.
void RunOn(Executor& executor, absl::AnyInvocable<void()> work);
// Polls, for what no callback tells; false after five seconds.
bool Eventually(const std::function<bool()>& condition);

}  // namespace pintle::net

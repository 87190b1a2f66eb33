// Whatever a client may send to a gRPC port: preface, frames, header blocks, length prefixes; cut
// into reads of all sizes. The first byte says how; bit 7 puts a preface and SETTINGS in front.
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/server_session.h"

namespace pintle::net {
namespace {

class QuietExecutor final : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> work) override { posted.push_back(std::move(work)); }
  [[nodiscard]] std::unique_ptr<Timer> After(absl::Duration, absl::AnyInvocable<void()>) override {
    return std::make_unique<Timer>();  // time does not pass
  }
  bool OnThread() const override { return true; }

  std::list<absl::AnyInvocable<void()>> posted;
};

class QuietHost final : public SessionHost {
 public:
  void RequestFlush() override {}
  void Abort() override {}
  Executor& executor() override { return quiet; }
  const std::shared_ptr<const PeerIdentity>& peer() const override { return peer_; }
  QuietExecutor quiet;

 private:
  std::shared_ptr<const PeerIdentity> peer_ =
      std::make_shared<const PeerIdentity>(PeerIdentity{.address = "127.0.0.1:1"});
};

class Answer final : public HttpHandler {
 public:
  void Handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) override {
    exchange->Respond(200, {}, std::move(request.path));
  }
};

class Echo final : public GrpcStreamHandler {
 public:
  explicit Echo(std::shared_ptr<GrpcCall> call) : call_(std::move(call)) {}
  void OnMessage(std::string message) override { call_->Send(std::move(message)); }
  void OnHalfClose() override { call_->Finish(absl::OkStatus()); }

 private:
  std::shared_ptr<GrpcCall> call_;
};

void Feed(std::string_view bytes, size_t piece, bool hello) {
  GrpcRouter router;
  router.Unary("/t.T/Echo", [](std::string request, std::shared_ptr<GrpcCall> call) {
    call->Reply(std::move(request));
  });
  router.Stream("/t.T/Chat", [](std::shared_ptr<GrpcCall> call) {
    return std::make_unique<Echo>(std::move(call));
  });
  Answer http;
  ServerOptions options;
  options.max_grpc_message_bytes = 4096;
  options.max_http_body_bytes = 4096;
  options.keepalive = {.least_between_pings = absl::Seconds(5), .silence = absl::Hours(2)};
  const ServerContext context(options, &router, http, std::make_shared<Backlogs>());
  QuietHost host;
  ServerSession session(host, context);
  std::string out;
  const auto turn = [&](std::string_view run) {
    session.Receive(run);
    while (!host.quiet.posted.empty()) {
      const auto work = std::move(host.quiet.posted.front());
      host.quiet.posted.pop_front();
      const_cast<absl::AnyInvocable<void()>&>(work)();
    }
    size_t before = 0;
    do {
      before = out.size();
      session.Produce(out, out.size() + 65536);
    } while (out.size() > before && out.size() < (size_t{1} << 22));
    PINTLE_CHECK(out.size() < (size_t{1} << 22), "an answer without end");
    out.clear();
  };
  if (hello) turn(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
  for (size_t at = 0; at < bytes.size() && !session.done(); at += piece) {
    turn(bytes.substr(at, piece));
  }
  session.ReceiveEnd();
  session.Closed();
  host.quiet.posted.clear();
}

}  // namespace
}  // namespace pintle::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = (data[0] & 0x7f) == 0 ? size : data[0] & 0x7f;
  pintle::net::Feed({reinterpret_cast<const char*>(data) + 1, size - 1}, piece,
                    (data[0] & 0x80) != 0);
  return 0;
}

#include "net/dial.h"

#include <asio/connect.hpp>
#include <utility>

#include "net/concat.h"

namespace pintle::net {
namespace {

using asio::ip::tcp;

struct State : std::enable_shared_from_this<State> {
  State(EventLoop& event_loop, const std::string& host, uint16_t port, Dialed dialed)
      : address(HostPort(host, port)),
        resolver(event_loop.io()),
        socket(event_loop.io()),
        done(std::move(dialed)) {}

  void End(absl::StatusOr<tcp::socket> result) {
    timer.reset();
    if (Dialed callback = std::exchange(done, nullptr)) callback(std::move(result));
  }
  void Fail(std::string_view call, std::string_view reason) {
    End(absl::UnavailableError(Concat("dial tcp ", address, ": ", call, reason)));
  }
  void Cancel() {
    done = nullptr;
    timer.reset();
    resolver.cancel();
    asio::error_code ignored;
    socket.close(ignored);
  }
  void Connect(const tcp::resolver::results_type& endpoints) {
    asio::async_connect(
        socket, endpoints,
        [self = shared_from_this()](const asio::error_code& error, const tcp::endpoint&) {
          if (!self->done) return;
          if (!error) return self->End(std::move(self->socket));
          const bool refused = error == asio::error::connection_refused;
          self->Fail("connect: ", refused ? "connection refused" : error.message());
        });
  }

  const std::string address;
  tcp::resolver resolver;
  tcp::socket socket;
  Dialed done;
  std::unique_ptr<Executor::Timer> timer;
};

class Attempt final : public DialAttempt {
 public:
  explicit Attempt(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Attempt() override { state_->Cancel(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<DialAttempt> Dial(EventLoop& loop, const std::string& host, uint16_t port,
                                  absl::Duration timeout, Dialed done) {
  const auto state = std::make_shared<State>(loop, host, port, std::move(done));
  state->timer = loop.After(timeout, [raw = state.get()] {
    const std::shared_ptr<State> self = raw->shared_from_this();
    self->Fail("", "i/o timeout");
    self->Cancel();
  });
  asio::error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (!error) {
    const tcp::endpoint endpoint(address, port);
    state->Connect(tcp::resolver::results_type::create(endpoint, host, std::to_string(port)));
  } else {
    state->resolver.async_resolve(
        host, std::to_string(port),
        [state](const asio::error_code& failed, const tcp::resolver::results_type& endpoints) {
          if (!state->done) return;
          if (failed) return state->Fail("lookup: ", "no such host");
          state->Connect(endpoints);
        });
  }
  return std::make_unique<Attempt>(state);
}

std::string HostPort(const std::string& host, uint16_t port) {
  return host.find(':') == std::string::npos ? Concat(host, ":", port)
                                             : Concat("[", host, "]:", port);
}

}  // namespace pintle::net

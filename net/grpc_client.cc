#include "net/grpc_client.h"

#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "net/concat.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/grpc_client_session.h"
#include "net/io_threads.h"
#include "net/tls_session.h"

namespace pintle::net {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
constexpr size_t kMaxWaitingCalls = 100000;  // for the connection

class ChannelStream final : public GrpcChannel::Stream {
 public:
  explicit ChannelStream(std::shared_ptr<GrpcClientCall> call) : call_(std::move(call)) {}
  ~ChannelStream() override { call_->Cancel(); }
  void Send(std::string message) override { call_->Send(std::move(message)); }
  void HalfClose() override { call_->HalfClose(); }

 private:
  std::shared_ptr<GrpcClientCall> call_;
};

}  // namespace

struct GrpcChannel::Impl : std::enable_shared_from_this<GrpcChannel::Impl> {
  Impl(EventLoop& event_loop, std::string host_name, uint16_t host_port,
       std::shared_ptr<TlsPolicy> tls_policy)
      : loop(event_loop),
        host(std::move(host_name)),
        port(host_port),
        authority(HostPort(host, port)),
        tls(std::move(tls_policy)) {}

  void Start(std::shared_ptr<GrpcClientCall> call);
  void Connect();
  void OnConnected(absl::StatusOr<asio::ip::tcp::socket> socket);
  std::unique_ptr<Session> MakeSession(SessionHost& session_host);
  void Close();

  EventLoop& loop;
  const std::string host;
  const uint16_t port;
  const std::string authority;
  const std::shared_ptr<TlsPolicy> tls;  // null: plain

  std::unique_ptr<DialAttempt> dialing;
  std::deque<std::shared_ptr<GrpcClientCall>> waiting;  // for dialing
  std::shared_ptr<Connection> connection;               // takes new calls
  GrpcClientSession* session = nullptr;                 // of it
  // It, and those whose last calls still run.
  absl::flat_hash_map<std::shared_ptr<Connection>, GrpcClientSession*> open;
  bool closed = false;
};

void GrpcChannel::Impl::Start(std::shared_ptr<GrpcClientCall> call) {
  if (session != nullptr && session->accepts_calls()) return session->Submit(std::move(call));
  connection = nullptr;
  session = nullptr;
  if (waiting.size() >= kMaxWaitingCalls) {
    loop.Post(
        [call] { call->End(absl::UnavailableError("too many calls wait for the connection")); });
    return;
  }
  waiting.push_back(std::move(call));
  if (dialing == nullptr) Connect();
}

void GrpcChannel::Impl::Connect() {
  dialing = Dial(loop, host, port, kConnectTimeout,
                 [weak = weak_from_this()](absl::StatusOr<asio::ip::tcp::socket> socket) {
                   if (const auto self = weak.lock()) self->OnConnected(std::move(socket));
                 });
}

void GrpcChannel::Impl::OnConnected(absl::StatusOr<asio::ip::tcp::socket> socket) {
  EventLoop::Turn turn(loop);
  dialing.reset();
  std::deque<std::shared_ptr<GrpcClientCall>> calls = std::exchange(waiting, {});
  if (!socket.ok()) {
    const std::string text = Concat("connection error: desc = \"transport: Error while dialing: ",
                                    std::string(socket.status().message()), "\"");
    for (const std::shared_ptr<GrpcClientCall>& call : calls) {
      call->End(absl::UnavailableError(text));
      call->callbacks = {};
    }
    return;
  }
  connection = std::make_shared<Connection>(loop, *std::move(socket), nullptr);
  connection->Start([this](SessionHost& session_host) { return MakeSession(session_host); },
                    [weak = weak_from_this(), raw = connection.get()] {
                      const std::shared_ptr<Impl> self = weak.lock();
                      if (self == nullptr) return;
                      if (self->connection.get() == raw) {
                        self->connection = nullptr;
                        self->session = nullptr;
                      }
                      self->open.erase(raw->shared_from_this());
                    });
  open.emplace(connection, session);
  for (std::shared_ptr<GrpcClientCall>& call : calls) {
    if (!call->ended()) session->Submit(std::move(call));
  }
}

std::unique_ptr<Session> GrpcChannel::Impl::MakeSession(SessionHost& session_host) {
  const auto make = [this](SessionHost& inner_host) {
    auto made = std::make_unique<GrpcClientSession>(inner_host, authority);
    session = made.get();
    return made;
  };
  if (tls == nullptr) return make(session_host);
  return std::make_unique<TlsSession>(session_host, tls->NewClient(host, "h2"), make);
}

void GrpcChannel::Impl::Close() {
  closed = true;
  dialing.reset();
  for (const std::shared_ptr<GrpcClientCall>& call : std::exchange(waiting, {})) {
    call->End(absl::CancelledError("grpc: the client connection is closing"));
  }
  const auto connections = open;
  for (const auto& [each, its_session] : connections) {
    its_session->EndAll(absl::CancelledError("grpc: the client connection is closing"));
    each->Abort();
  }
}

GrpcChannel::GrpcChannel(Executor& executor, std::string host, uint16_t port,
                         std::shared_ptr<TlsPolicy> tls)
    : impl_(std::make_shared<Impl>(LoopOf(executor), std::move(host), port, std::move(tls))) {}

GrpcChannel::~GrpcChannel() { impl_->Close(); }

void GrpcChannel::Unary(std::string path, std::string request, absl::Duration timeout, Done done,
                        std::string token) {
  auto call = std::make_shared<GrpcClientCall>(std::move(path), timeout, std::move(token));
  call->done = std::move(done);
  call->Send(std::move(request));
  call->HalfClose();
  if (timeout != absl::InfiniteDuration()) {
    call->deadline = impl_->loop.After(timeout, [raw = call.get()] {
      const std::shared_ptr<GrpcClientCall> self = raw->shared_from_this();
      self->End(absl::DeadlineExceededError("context deadline exceeded"));
    });
  }
  impl_->Start(std::move(call));
}

std::unique_ptr<GrpcChannel::Stream> GrpcChannel::Open(std::string path, StreamCallbacks callbacks,
                                                       std::string token) {
  auto call =
      std::make_shared<GrpcClientCall>(std::move(path), absl::InfiniteDuration(), std::move(token));
  call->callbacks = std::move(callbacks);
  impl_->Start(call);
  return std::make_unique<ChannelStream>(std::move(call));
}

}  // namespace pintle::net

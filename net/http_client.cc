#include "net/http_client.h"

#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/http1_client_session.h"
#include "net/io_threads.h"
#include "net/tls_session.h"

namespace pintle::net {
namespace {

constexpr size_t kMaxWaitingCalls = 100000;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl>,
                          Http1ClientSession::Owner {
  // A place in the pool: being dialled, carrying a call, or idle.
  struct Link {
    std::unique_ptr<DialAttempt> dialing;
    std::shared_ptr<Connection> connection;
    Http1ClientSession* session = nullptr;
    std::shared_ptr<HttpClientCall> call;
  };

  Impl(EventLoop& event_loop, std::string host_name, uint16_t host_port,
       HttpClientOptions client_options)
      : loop(event_loop),
        host(std::move(host_name)),
        port(host_port),
        authority(HostPort(host, port)),
        options(std::move(client_options)) {}

  void Start(std::shared_ptr<HttpClientCall> call);
  void Serve();
  void Dial(std::shared_ptr<HttpClientCall> call);
  void OnDialed(Link* link, absl::StatusOr<asio::ip::tcp::socket> socket);
  std::unique_ptr<Session> MakeSession(Link* link, SessionHost& session_host);
  void OnIdle(Http1ClientSession& session) override;
  void OnUnanswered(std::shared_ptr<HttpClientCall> call, bool reused) override;
  void OnClosed(Link* link);
  void Launch(const std::shared_ptr<HttpClientCall>& call);
  void LetGo(const std::shared_ptr<HttpClientCall>& call);  // closes its connection
  void OnTimeout(const std::shared_ptr<HttpClientCall>& call);
  void Close();

  EventLoop& loop;
  const std::string host;
  const uint16_t port;
  const std::string authority;
  const HttpClientOptions options;

  std::deque<std::shared_ptr<HttpClientCall>> waiting;
  absl::flat_hash_map<Link*, std::unique_ptr<Link>> links;
  std::vector<Link*> idle;  // the last used is used first, so that the others can age
  bool closed = false;
};

namespace {

class CallHandle final : public HttpClient::Handle {
 public:
  explicit CallHandle(absl::AnyInvocable<void()> let_go) : let_go_(std::move(let_go)) {}
  ~CallHandle() override { let_go_(); }

 private:
  absl::AnyInvocable<void()> let_go_;
};

}  // namespace

void HttpClient::Impl::Start(std::shared_ptr<HttpClientCall> call) {
  if (waiting.size() >= kMaxWaitingCalls) {
    loop.Post(
        [call] { call->End(absl::UnavailableError("too many requests wait for a connection")); });
    return;
  }
  waiting.push_back(std::move(call));
  Serve();
}

void HttpClient::Impl::Serve() {
  while (!waiting.empty() && !closed) {
    if (waiting.front()->ended) {
      waiting.pop_front();
      continue;
    }
    const bool may_dial = links.size() < static_cast<size_t>(options.max_connections);
    if (idle.empty() && !may_dial) return;
    std::shared_ptr<HttpClientCall> call = std::move(waiting.front());
    waiting.pop_front();
    if (idle.empty()) {
      Dial(std::move(call));
      continue;
    }
    Link* link = idle.back();
    idle.pop_back();
    link->call = call;
    link->session->Begin(std::move(call), authority);
  }
}

void HttpClient::Impl::Dial(std::shared_ptr<HttpClientCall> call) {
  auto made = std::make_unique<Link>();
  Link* link = made.get();
  link->call = std::move(call);
  links.emplace(link, std::move(made));
  link->dialing = net::Dial(loop, host, port, options.connect_timeout,
                            [this, link](absl::StatusOr<asio::ip::tcp::socket> socket) {
                              const std::shared_ptr<Impl> self = shared_from_this();
                              self->OnDialed(link, std::move(socket));
                            });
}

void HttpClient::Impl::OnDialed(Link* link, absl::StatusOr<asio::ip::tcp::socket> socket) {
  EventLoop::Turn turn(loop);
  link->dialing.reset();
  if (!socket.ok()) {
    const std::shared_ptr<HttpClientCall> call = std::move(link->call);
    links.erase(link);
    call->End(socket.status());
    call->callbacks = {};
    return Serve();
  }
  link->connection = std::make_shared<Connection>(loop, *std::move(socket), nullptr);
  link->connection->Start(
      [this, link](SessionHost& session_host) { return MakeSession(link, session_host); },
      [weak = weak_from_this(), link] {
        if (const auto self = weak.lock()) self->OnClosed(link);
      });
  link->session->Begin(link->call, authority);
}

std::unique_ptr<Session> HttpClient::Impl::MakeSession(Link* link, SessionHost& session_host) {
  const auto make = [this, link](SessionHost& inner_host) {
    auto made = std::make_unique<Http1ClientSession>(inner_host, *this, options.max_body_bytes);
    link->session = made.get();
    return made;
  };
  if (options.tls == nullptr) return make(session_host);
  return std::make_unique<TlsSession>(session_host, options.tls->NewClient(host, "http/1.1"), make);
}

void HttpClient::Impl::OnIdle(Http1ClientSession& session) {
  for (const auto& [link, owned] : links) {
    if (link->session != &session) continue;
    link->call = nullptr;
    idle.push_back(link);
    break;
  }
  Serve();
}

void HttpClient::Impl::OnUnanswered(std::shared_ptr<HttpClientCall> call, bool reused) {
  // The server closed an idle connection just as it was used again. Nothing was begun that a
  // repetition could double.
  if (reused && call->attempts == 1 && IsIdempotent(call->request.method) && !closed) {
    waiting.push_front(std::move(call));
    return;  // OnClosed follows and serves it
  }
  call->End(absl::UnavailableError("connection closed before the answer"));
  call->callbacks = {};
}

void HttpClient::Impl::OnClosed(Link* link) {
  std::erase(idle, link);
  links.erase(link);
  Serve();
}

void HttpClient::Impl::OnTimeout(const std::shared_ptr<HttpClientCall>& call) {
  if (call->ended) return;
  LetGo(call);
  call->ended = false;
  call->End(absl::DeadlineExceededError("no answer in time"));
}

void HttpClient::Impl::LetGo(const std::shared_ptr<HttpClientCall>& call) {
  if (std::exchange(call->ended, true)) return;
  call->timer.reset();
  for (const auto& [link, owned] : links) {
    if (link->call != call) continue;
    if (link->connection != nullptr) {
      link->connection->Abort();
    } else {
      links.erase(link);  // with the dial
    }
    return;
  }
}

void HttpClient::Impl::Close() {
  closed = true;
  const auto unserved = std::exchange(waiting, {});
  std::vector<std::shared_ptr<HttpClientCall>> calls(unserved.begin(), unserved.end());
  idle.clear();
  for (const auto& [link, owned] : links) {
    if (link->call != nullptr) calls.push_back(link->call);
    if (link->connection == nullptr) continue;
    link->session->Forget();
    link->connection->Abort();
  }
  links.clear();
  for (const std::shared_ptr<HttpClientCall>& call : calls)
    call->End(absl::CancelledError("the HTTP client is closed"));
}

HttpClient::HttpClient(Executor& executor, std::string host, uint16_t port,
                       HttpClientOptions options)
    : impl_(std::make_shared<Impl>(LoopOf(executor), std::move(host), port, std::move(options))) {}

HttpClient::~HttpClient() { impl_->Close(); }

namespace {

std::shared_ptr<HttpClientCall> MakeCall(HttpClientRequest request) {
  auto call = std::make_shared<HttpClientCall>();
  call->request = std::move(request);
  return call;
}

}  // namespace

void HttpClient::Impl::Launch(const std::shared_ptr<HttpClientCall>& call) {
  if (call->request.timeout != absl::InfiniteDuration()) {
    call->timer = loop.After(call->request.timeout, [weak = weak_from_this(), raw = call.get()] {
      const std::shared_ptr<HttpClientCall> self = raw->shared_from_this();
      const std::shared_ptr<Impl> impl = weak.lock();
      if (impl != nullptr) impl->OnTimeout(self);
    });
  }
  Start(call);
}

std::unique_ptr<HttpClient::Handle> HttpClient::Send(HttpClientRequest request, Done done) {
  const std::shared_ptr<HttpClientCall> call = MakeCall(std::move(request));
  call->done = std::move(done);
  impl_->Launch(call);
  return std::make_unique<CallHandle>([impl = impl_, call] { impl->LetGo(call); });
}

std::unique_ptr<HttpClient::Handle> HttpClient::Stream(HttpClientRequest request,
                                                       StreamCallbacks callbacks) {
  const std::shared_ptr<HttpClientCall> call = MakeCall(std::move(request));
  call->callbacks = std::move(callbacks);
  call->streaming = true;
  impl_->Launch(call);
  return std::make_unique<CallHandle>([impl = impl_, call] { impl->LetGo(call); });
}

}  // namespace pintle::net

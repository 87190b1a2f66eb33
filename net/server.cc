#include "net/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "net/concat.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/io_threads.h"
#include "net/server_session.h"
#include "net/tls_session.h"

namespace pintle::net {
namespace {

using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Endpoint = asio::generic::stream_protocol::endpoint;

// Connections of one server on one loop; touched on that loop's thread only.
struct LoopConnections {
  explicit LoopConnections(EventLoop& event_loop) : loop(event_loop) {}

  EventLoop& loop;
  absl::flat_hash_set<std::shared_ptr<Connection>> open;
  bool stopping = false;
};

std::string ErrorText(const asio::error_code& error) {
  if (error == asio::error::address_in_use) return "address already in use";
  if (error == asio::error::access_denied) return "permission denied";
  return error.message();
}

}  // namespace

// Shared with the connections and the accept operations, which may outlive the Server by a turn.
struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  struct Listener {
    Listener(EventLoop& event_loop, Acceptor made, Security spoken, std::string file)
        : loop(event_loop),
          acceptor(std::move(made)),
          security(std::move(spoken)),
          path(std::move(file)) {}
    EventLoop& loop;
    Acceptor acceptor;
    const Security security;
    const std::string path;  // of a Unix socket, else empty
    std::unique_ptr<Executor::Timer> retry;
    bool closed = false;
  };

  Impl(IoThreads& io_threads, ServerOptions options, const GrpcRouter* grpc, HttpHandler& http)
      : context(std::make_shared<const ServerContext>(std::move(options), grpc, http,
                                                      io_threads.impl().backlogs)) {
    for (const std::unique_ptr<EventLoop>& loop : io_threads.impl().loops) {
      connections.push_back(std::make_unique<LoopConnections>(*loop));
    }
  }

  void Accept(const std::shared_ptr<Listener>& listener);
  void OnAccept(const std::shared_ptr<Listener>& listener, LoopConnections& target,
                const asio::error_code& error, Connection::Socket socket);
  void Adopt(LoopConnections& target, Connection::Socket socket, const Listener& listener);
  std::unique_ptr<Session> MakeSession(SessionHost& host, const Security& security) const;
  absl::StatusOr<Endpoint> Listen(const Endpoint& endpoint, const std::string& name,
                                  const std::string& path, Security security);
  void CloseListeners();
  bool WaitUntilClosed(absl::Duration limit);
  // Runs `work` on every loop; returns when all have, or when the loops are stopped.
  void OnEveryLoop(const std::function<void(LoopConnections&)>& work);

  const std::shared_ptr<const ServerContext> context;
  std::vector<std::unique_ptr<LoopConnections>> connections;
  std::shared_ptr<ByteCounters> bytes = std::make_shared<ByteCounters>();
  std::atomic<int> open_count = 0;
  std::atomic<size_t> next_loop = 0;

  std::mutex mutex;
  std::vector<std::shared_ptr<Listener>> listeners;
  bool stopped = false;
  bool finished = false;  // Stop has run
};

void Server::Impl::Accept(const std::shared_ptr<Listener>& listener) {
  LoopConnections& target = *connections[next_loop++ % connections.size()];
  listener->acceptor.async_accept(target.loop.io(),
                                  [self = shared_from_this(), listener, &target](
                                      const asio::error_code& error, Connection::Socket socket) {
                                    if (!listener->closed)
                                      self->OnAccept(listener, target, error, std::move(socket));
                                  });
}

void Server::Impl::OnAccept(const std::shared_ptr<Listener>& listener, LoopConnections& target,
                            const asio::error_code& error, Connection::Socket socket) {
  if (error) {
    // Out of descriptors, most often: the backlog stays ready, so trying again at once would spin.
    listener->retry =
        listener->loop.After(absl::Milliseconds(100), [self = shared_from_this(), listener] {
          if (!listener->closed) self->Accept(listener);
        });
    return;
  }
  if (open_count.load() < context->options.max_connections) {
    ++open_count;
    auto moved = std::make_shared<Connection::Socket>(std::move(socket));
    auto adopt = [self = shared_from_this(), listener, &target, moved] {
      self->Adopt(target, std::move(*moved), *listener);
    };
    if (target.loop.OnThread()) {
      adopt();
    } else {
      target.loop.Post(std::move(adopt));
    }
  }
  Accept(listener);
}

std::unique_ptr<Session> Server::Impl::MakeSession(SessionHost& host,
                                                   const Security& security) const {
  if (security.tls == nullptr) return std::make_unique<ServerSession>(host, *context);
  return std::make_unique<TlsSession>(host, security.tls, security.plain,
                                      [context = context](SessionHost& inside) {
                                        return std::make_unique<ServerSession>(inside, *context);
                                      });
}

void Server::Impl::Adopt(LoopConnections& target, Connection::Socket socket,
                         const Listener& listener) {
  if (target.stopping) {
    --open_count;
    return;
  }
  auto connection = std::make_shared<Connection>(target.loop, std::move(socket), bytes);
  target.open.insert(connection);
  // The connection holds what its session borrows, but not the server: that holds it.
  connection->Start([&](SessionHost& host) { return MakeSession(host, listener.security); },
                    [weak = weak_from_this(), context = context, &target, raw = connection.get()] {
                      const std::shared_ptr<Impl> self = weak.lock();
                      if (self == nullptr) return;
                      target.open.erase(raw->shared_from_this());
                      --self->open_count;
                    });
}

void Server::Impl::OnEveryLoop(const std::function<void(LoopConnections&)>& work) {
  struct Progress {
    std::mutex mutex;
    std::condition_variable changed;
    size_t left = 0;
  };
  const auto progress = std::make_shared<Progress>();
  progress->left = connections.size();
  for (const std::unique_ptr<LoopConnections>& each : connections) {
    each->loop.Post([progress, work, self = shared_from_this(), &target = *each] {
      work(target);
      std::lock_guard lock(progress->mutex);
      --progress->left;
      progress->changed.notify_all();
    });
  }
  std::unique_lock lock(progress->mutex);
  while (progress->left > 0 && !connections[0]->loop.stopped()) {
    progress->changed.wait_for(lock, std::chrono::milliseconds(50));
  }
}

void Server::Impl::CloseListeners() {
  std::vector<std::shared_ptr<Listener>> closing;
  {
    std::lock_guard lock(mutex);
    stopped = true;
    closing.swap(listeners);
  }
  OnEveryLoop([&closing](LoopConnections& target) {
    for (const std::shared_ptr<Listener>& listener : closing) {
      if (&listener->loop != &target.loop) continue;
      asio::error_code ignored;
      listener->closed = true;
      listener->retry.reset();
      listener->acceptor.close(ignored);
      if (!listener->path.empty()) unlink(listener->path.c_str());
    }
  });
}

bool Server::Impl::WaitUntilClosed(absl::Duration limit) {
  const auto give_up = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(limit);
  while (open_count.load() > 0 && !connections[0]->loop.stopped()) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

Server::Server(IoThreads& threads, ServerOptions options, const GrpcRouter* grpc, HttpHandler& http)
    : impl_(std::make_shared<Impl>(threads, std::move(options), grpc, http)) {}

Server::~Server() { Stop(absl::ZeroDuration()); }

absl::StatusOr<uint16_t> Server::Listen(const std::string& host, uint16_t port, Security security) {
  const std::string text = host == "localhost" ? "127.0.0.1" : host;
  asio::error_code error;
  const asio::ip::address address = asio::ip::make_address(text, error);
  if (error) {
    return absl::InvalidArgumentError(
        Concat("listen tcp: lookup ", host, ": not an address of this machine"));
  }
  const tcp::endpoint wanted(address, port);
  absl::StatusOr<Endpoint> bound =
      impl_->Listen(Endpoint(wanted), HostPort(text, port), "", std::move(security));
  if (!bound.ok()) return bound.status();
  tcp::endpoint got;
  std::memcpy(got.data(), bound->data(), std::min(bound->size(), got.capacity()));
  return got.port();
}

absl::Status Server::ListenUnix(const std::string& path, Security security) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) unlink(path.c_str());
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(Concat("listen unix ", path, ": the name is too long"));
  }
  const asio::local::stream_protocol::endpoint endpoint(path);
  return impl_->Listen(Endpoint(endpoint), path, path, std::move(security)).status();
}

absl::StatusOr<Endpoint> Server::Impl::Listen(const Endpoint& endpoint, const std::string& name,
                                              const std::string& path, Security security) {
  const std::string where = Concat("listen ", path.empty() ? "tcp " : "unix ", name, ": ");
  const auto failed = [&](const char* call, const asio::error_code& error) {
    return absl::FailedPreconditionError(Concat(where, call, ErrorText(error)));
  };
  EventLoop& loop = connections[0]->loop;
  Acceptor acceptor(loop.io());
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return failed("socket: ", error);
  if (path.empty()) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  const int on = 1;
  if (context->options.reuse_port) {
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  acceptor.bind(endpoint, error);
  if (error) return failed("bind: ", error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("listen: ", error);
  const Endpoint bound = acceptor.local_endpoint(error);
  if (error) return failed("getsockname: ", error);
  auto listener = std::make_shared<Listener>(loop, std::move(acceptor), std::move(security), path);
  {
    std::lock_guard lock(mutex);
    if (stopped) return absl::FailedPreconditionError(where + "the server is stopped");
    listeners.push_back(listener);
  }
  loop.Post([self = shared_from_this(), listener] {
    if (!listener->closed) self->Accept(listener);
  });
  return bound;
}

void Server::Drain() {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopped) return;
  }
  impl_->CloseListeners();
  impl_->OnEveryLoop([](LoopConnections& target) {
    target.stopping = true;
    for (const std::shared_ptr<Connection>& connection : target.open) connection->Shutdown();
  });
}

void Server::Stop(absl::Duration grace) {
  Drain();
  {
    std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->finished, true)) return;
  }
  if (impl_->WaitUntilClosed(grace)) return;
  impl_->OnEveryLoop([](LoopConnections& target) {
    const auto open = target.open;  // closing takes them out of the set
    for (const std::shared_ptr<Connection>& connection : open) connection->CloseNow();
  });
  impl_->WaitUntilClosed(absl::Seconds(5));
}

Server::Counters Server::counters() const {
  return {.connections_open = static_cast<uint64_t>(impl_->open_count.load()),
          .bytes_received = impl_->bytes->received.load(),
          .bytes_sent = impl_->bytes->sent.load()};
}

}  // namespace pintle::net

#include "server/replica/asio_peer_transport.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <cctype>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "server/replica/raft_codec.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMostSessions = 64;
constexpr size_t kMostQuestions = 4096;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

// "listen tcp 127.0.0.1:2380: bind: address already in use"
absl::Status ListenError(const PeerAddress& address, std::string_view step,
                         const asio::error_code& error) {
  std::string words = error.message();
  if (!words.empty()) words[0] = static_cast<char>(std::tolower(words[0]));
  return absl::UnavailableError(absl::StrCat("listen tcp ", address.host, ":", address.port, ": ",
                                             std::string(step), ": ", words));
}

}  // namespace

AsioPeerTransport::AsioPeerTransport(PeerOptions options) : options_(std::move(options)) {
  for (const auto& [peer, address] : options_.peers) {
    links_[peer] = std::make_shared<PeerLink>(
        io_, options_, peer, counters_[peer], [this, id = peer] { OnUnreachable(id); },
        [this, id = peer] { callbacks_.on_gone(id); });
  }
}

absl::Status AsioPeerTransport::Start(Callbacks callbacks) {
  PINTLE_CHECK(!thread_.joinable(), "a peer transport is started once");
  callbacks_ = std::move(callbacks);
  for (const auto& address : options_.listen) PINTLE_RETURN_IF_ERROR(Listen(address));
  for (const auto& acceptor : acceptors_) Accept(*acceptor);
  for (const auto& [peer, link] : links_) link->Start();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "peers");
    const auto work = asio::make_work_guard(io_);
    io_.run();
  });
  return absl::OkStatus();
}

absl::Status AsioPeerTransport::Listen(const PeerAddress& address) {
  asio::error_code error;
  asio::ip::tcp::resolver resolver(io_);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      asio::ip::tcp::resolver::passive, error);
  if (error) return ListenError(address, "resolve", error);
  auto made = std::make_unique<Acceptor>(io_);
  auto& acceptor = made->acceptor;
  const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), error);
  if (error) return ListenError(address, "socket", error);
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) return ListenError(address, "bind", error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(address, "listen", error);
  acceptors_.push_back(std::move(made));
  return absl::OkStatus();
}

void AsioPeerTransport::Stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    CloseEverything();
    io_.stop();
  });
  thread_.join();
}

void AsioPeerTransport::CloseEverything() {
  asio::error_code ignored;
  for (const auto& acceptor : acceptors_) {
    acceptor->pause.cancel();
    acceptor->acceptor.close(ignored);
  }
  for (const auto& [peer, link] : links_) {
    link->Stop();
    FailQuestions(peer);
  }
  while (!sessions_.empty()) (*sessions_.begin())->Close();
}

void AsioPeerTransport::Accept(Acceptor& acceptor) {
  acceptor.acceptor.async_accept(
      [this, &acceptor](const asio::error_code& error, asio::ip::tcp::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (!error) {
          Welcome(std::move(socket));
          return Accept(acceptor);
        }
        spdlog::warn("peers: accept: {}", error.message());
        acceptor.pause.expires_after(kAcceptPause);
        acceptor.pause.async_wait([this, &acceptor](const asio::error_code& stopped) {
          if (!stopped) Accept(acceptor);
        });
      });
}

void AsioPeerTransport::Welcome(asio::ip::tcp::socket socket) {
  if (sessions_.size() >= kMostSessions) {
    spdlog::warn("peers: more than {} connections: one is refused", kMostSessions);
    return;  // closes it
  }
  const auto session = std::make_shared<PeerSession>(
      std::move(socket), options_,
      PeerSession::Callbacks{
          .on_greeted = [this](PeerSession& greeted) { OnGreeted(greeted); },
          .on_frame = [this](PeerSession& from,
                             const Frame& frame) { return OnFrame(from, frame); },
          .on_closed = [this](PeerSession& closed) { sessions_.erase(closed.shared_from_this()); },
      });
  sessions_.insert(session);
  session->Start();
}

void AsioPeerTransport::OnGreeted(PeerSession& session) {
  // A peer has one connection to us: an older one is dead or about to be, and what still comes over
  // it would overtake or repeat.
  std::vector<std::shared_ptr<PeerSession>> older;
  for (const auto& other : sessions_) {
    if (other.get() != &session && other->peer() == session.peer()) older.push_back(other);
  }
  for (const auto& other : older) other->Close();
}

bool AsioPeerTransport::OnFrame(PeerSession& session, const Frame& frame) {
  counters_.at(session.peer()).received_bytes += frame.size;
  switch (frame.kind) {
    case FrameKind::kMessage:
      return OnMessage(session, frame);
    case FrameKind::kLeaseQuestion:
      return OnLeaseQuestion(session, frame);
    case FrameKind::kLeaseAnswer:
      return OnLeaseAnswer(session, frame);
    case FrameKind::kHello:
    case FrameKind::kHelloOk:
    case FrameKind::kHelloRefused:
      return false;
  }
  return false;
}

bool AsioPeerTransport::OnMessage(PeerSession& session, const Frame& frame) {
  raft::Message message;
  // Raft believes `from`: nobody speaks for another.
  if (!DecodeMessage(frame.body, message) || message.from != session.peer() ||
      message.to != options_.self) {
    return false;
  }
  callbacks_.on_message(std::move(message));
  return true;
}

bool AsioPeerTransport::OnLeaseQuestion(PeerSession& session, const Frame& frame) {
  uint64_t number = 0;
  LeaseQuestion question;
  if (!DecodeLeaseQuestion(frame.body, number, question)) return false;
  const LeaseAnswer answer = callbacks_.on_lease_question(question);
  links_.at(session.peer())
      ->Enqueue(MakeFrame(FrameKind::kLeaseAnswer, EncodeLeaseAnswer(number, answer)));
  return true;
}

bool AsioPeerTransport::OnLeaseAnswer(PeerSession& session, const Frame& frame) {
  uint64_t number = 0;
  LeaseAnswer answer;
  if (!DecodeLeaseAnswer(frame.body, number, answer)) return false;
  const auto found = questions_.find(number);
  if (found != questions_.end() && found->second.peer == session.peer()) {
    FinishQuestion(number, answer);
  }
  return true;
}

void AsioPeerTransport::OnUnreachable(raft::MemberId peer) {
  FailQuestions(peer);
  callbacks_.on_unreachable(peer);
}

void AsioPeerTransport::Send(std::vector<raft::Message> messages) {
  for (const auto& message : messages) {
    const auto link = links_.find(message.to);
    if (link == links_.end()) continue;
    std::string frame;
    const size_t at = BeginFrame(frame, FrameKind::kMessage);
    EncodeMessage(message, frame);
    if (frame.size() - kFrameHeadBytes > options_.max_frame_bytes) {
      spdlog::error("peer {:x}: a message of {} bytes is larger than any peer takes: dropped",
                    message.to.value(), frame.size());
      ++counters_.at(message.to).send_failures;
      continue;
    }
    FinishFrame(frame, at);
    link->second->Enqueue(std::move(frame));
  }
}

void AsioPeerTransport::AskLease(raft::MemberId peer, LeaseQuestion question,
                                 absl::Duration timeout, LeaseDone done) {
  asio::post(io_, [this, peer, question, timeout, done = std::move(done)]() mutable {
    Ask(peer, question, timeout, std::move(done));
  });
}

void AsioPeerTransport::Ask(raft::MemberId peer, LeaseQuestion question, absl::Duration timeout,
                            LeaseDone done) {
  const auto link = links_.find(peer);
  if (link == links_.end()) {
    return done(absl::UnavailableError(absl::StrCat("no such peer: ", absl::Hex(peer.value()))));
  }
  if (questions_.size() >= kMostQuestions) {
    return done(absl::UnavailableError("too many lease questions wait for an answer"));
  }
  const uint64_t number = ++last_question_;
  if (!link->second->Enqueue(
          MakeFrame(FrameKind::kLeaseQuestion, EncodeLeaseQuestion(number, question)))) {
    return done(absl::UnavailableError("the peer cannot be reached"));
  }
  auto timer = std::make_unique<asio::steady_timer>(io_);
  timer->expires_after(absl::ToChronoNanoseconds(timeout));
  timer->async_wait([this, number](const asio::error_code& error) {
    if (!error) FinishQuestion(number, absl::UnavailableError("the peer did not answer in time"));
  });
  questions_.emplace(number, OpenQuestion{peer, std::move(done), std::move(timer)});
}

void AsioPeerTransport::FinishQuestion(uint64_t number, absl::StatusOr<LeaseAnswer> answer) {
  auto node = questions_.extract(number);
  if (!node.empty()) node.mapped().done(std::move(answer));
}

void AsioPeerTransport::FailQuestions(raft::MemberId peer) {
  std::vector<uint64_t> numbers;
  for (const auto& [number, question] : questions_) {
    if (question.peer == peer) numbers.push_back(number);
  }
  for (const uint64_t number : numbers) {
    FinishQuestion(number, absl::UnavailableError("the connection to the peer was lost"));
  }
}

PeerTransport::Stats AsioPeerTransport::stats() const {
  Stats stats;
  for (const auto& [peer, counters] : counters_) {
    stats.sent_bytes[peer.value()] = counters.sent_bytes;
    stats.received_bytes[peer.value()] = counters.received_bytes;
    stats.send_failures[peer.value()] = counters.send_failures;
  }
  return stats;
}

std::unique_ptr<PeerTransport> MakeAsioPeerTransport(PeerOptions options) {
  return std::make_unique<AsioPeerTransport>(std::move(options));
}

}  // namespace pintle::server::replica

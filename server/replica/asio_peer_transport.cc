#include "server/replica/asio_peer_transport.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <cctype>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "server/replica/peer_greeting.h"
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
  return absl::UnavailableError(absl::StrCat("listen ", address.local ? "unix " : "tcp ",
                                             address.text(), ": ", std::string(step), ": ", words));
}

// A socket that an earlier run has left is replaced, as etcd does.
void RemoveSocket(const PeerAddress& address) {
  struct stat facts {};
  if (!address.local || stat(address.host.c_str(), &facts) != 0) return;
  if (S_ISSOCK(facts.st_mode)) unlink(address.host.c_str());
}

absl::Status Stopped() { return absl::UnavailableError("this member is stopping"); }

}  // namespace

AsioPeerTransport::AsioPeerTransport(PeerOptions options) : options_(std::move(options)) {}

absl::Status AsioPeerTransport::Start(PeerSelf self, Callbacks callbacks) {
  PINTLE_CHECK(!thread_.joinable(), "a peer transport is started once");
  self_ = std::move(self);
  callbacks_ = std::move(callbacks);
  for (const auto& address : options_.listen) PINTLE_RETURN_IF_ERROR(Listen(address));
  for (const auto& acceptor : acceptors_) Accept(*acceptor);
  FollowSet();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "peers");
    const auto work = asio::make_work_guard(io_);
    io_.run();
  });
  return absl::OkStatus();
}

absl::StatusOr<PeerStream::Endpoint> AsioPeerTransport::EndpointOf(const PeerAddress& address) {
  if (address.local && address.host.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen unix ", address.host, ": the name is too long"));
  }
  if (address.local) return asio::local::stream_protocol::endpoint(address.host);
  asio::error_code error;
  asio::ip::tcp::resolver resolver(io_);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      asio::ip::tcp::resolver::passive, error);
  if (error) return ListenError(address, "resolve", error);
  return found.begin()->endpoint();
}

absl::Status AsioPeerTransport::Listen(const PeerAddress& address) {
  PINTLE_ASSIGN_OR_RETURN(const PeerStream::Endpoint endpoint, EndpointOf(address));
  RemoveSocket(address);
  auto made = std::make_unique<Acceptor>(io_, address);
  auto& acceptor = made->acceptor;
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return ListenError(address, "socket", error);
  if (!address.local) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) return ListenError(address, "bind", error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(address, "listen", error);
  acceptors_.push_back(std::move(made));
  return absl::OkStatus();
}

void AsioPeerTransport::Stop() {
  if (thread_.joinable()) {
    asio::post(io_, [this] {
      CloseEverything();
      io_.stop();
    });
    thread_.join();
  }
  std::deque<NewQuestion> unasked;
  {
    const std::lock_guard lock(asked_mutex_);
    stopped_ = true;
    unasked.swap(asked_);
  }
  for (NewQuestion& question : unasked) question.done(Stopped());
}

void AsioPeerTransport::CloseEverything() {
  asio::error_code ignored;
  for (const auto& acceptor : acceptors_) {
    acceptor->pause.cancel();
    acceptor->acceptor.close(ignored);
    RemoveSocket(acceptor->address);
  }
  for (const auto& [peer, contact] : contacts_) {
    if (contact.farewell != nullptr) contact.farewell->cancel();
    contact.link->Stop();
    FailQuestions(peer);
  }
  while (!sessions_.empty()) (*sessions_.begin())->Close();
}

void AsioPeerTransport::Accept(Acceptor& acceptor) {
  acceptor.acceptor.async_accept(
      [this, &acceptor](const asio::error_code& error, PeerStream::Socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (!error) {
          Welcome(std::move(socket), acceptor.address.tls);
          return Accept(acceptor);
        }
        spdlog::warn("peers: accept: {}", error.message());
        acceptor.pause.expires_after(kAcceptPause);
        acceptor.pause.async_wait([this, &acceptor](const asio::error_code& stopped) {
          if (!stopped) Accept(acceptor);
        });
      });
}

void AsioPeerTransport::Welcome(PeerStream::Socket socket, bool tls) {
  if (sessions_.size() >= kMostSessions) {
    spdlog::warn("peers: more than {} connections: one is refused", kMostSessions);
    return;  // closes it
  }
  const auto session = std::make_shared<PeerSession>(
      std::move(socket), tls, options_, self_.data_dir,
      PeerSession::Callbacks{
          .objection = [this](const Hello& hello) { return ObjectionTo(hello, *set()); },
          .on_greeted = [this](PeerSession& greeted,
                               const Hello& hello) { OnGreeted(greeted, hello); },
          .on_members_question = [this] { return callbacks_.on_members_question(); },
          .page = [this](std::string_view path) { return callbacks_.on_page(path); },
          .on_frame = [this](PeerSession& from,
                             const Frame& frame) { return OnFrame(from, frame); },
          .on_bad_frame =
              [this](PeerSession& from) {
                const auto contact = contacts_.find(from.peer());
                if (contact != contacts_.end()) ++contact->second.counters->receive_failures;
              },
          .on_closed = [this](PeerSession& closed) { sessions_.erase(closed.shared_from_this()); },
      });
  sessions_.insert(session);
  session->Start();
}

void AsioPeerTransport::OnGreeted(PeerSession& session, const Hello& hello) {
  Greeted(session.peer(), hello.self.peer_urls);
  // A peer has one connection to us: an older one is dead or about to be, and what still comes over
  // it would overtake or repeat.
  std::vector<std::shared_ptr<PeerSession>> older;
  for (const auto& other : sessions_) {
    if (other.get() != &session && other->peer() == session.peer()) older.push_back(other);
  }
  for (const auto& other : older) other->Close();
}

bool AsioPeerTransport::OnFrame(PeerSession& session, const Frame& frame) {
  const auto contact = contacts_.find(session.peer());
  if (contact == contacts_.end()) return false;
  contact->second.counters->received_bytes += frame.size;
  switch (frame.kind) {
    case FrameKind::kMessage:
      return OnMessage(session, frame);
    case FrameKind::kQuestion:
      return OnQuestion(session, frame);
    case FrameKind::kAnswer:
      return OnAnswer(session, frame);
    case FrameKind::kHello:
    case FrameKind::kHelloOk:
    case FrameKind::kHelloRefused:
    case FrameKind::kMembersQuestion:
    case FrameKind::kMembersAnswer:
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

bool AsioPeerTransport::OnQuestion(PeerSession& session, const Frame& frame) {
  uint64_t number = 0;
  PeerQuestion question;
  if (!DecodeQuestion(frame.body, number, question)) return false;
  callbacks_.on_question(
      question, [number, link = LinkTo(session.peer())](const std::string& answer) {
        if (link != nullptr)
          link->Enqueue(MakeFrame(FrameKind::kAnswer, EncodeAnswer(number, answer)));
      });
  return true;
}

bool AsioPeerTransport::OnAnswer(PeerSession& session, const Frame& frame) {
  uint64_t number = 0;
  std::string answer;
  if (!DecodeAnswer(frame.body, number, answer)) return false;
  const auto found = questions_.find(number);
  if (found != questions_.end() && found->second.peer == session.peer()) {
    FinishQuestion(number, std::move(answer));
  }
  return true;
}

void AsioPeerTransport::OnRefused(const HelloRefused& refused) {
  if (refused.reason != Refusal::kOther) callbacks_.on_refused(refused.reason, refused.text);
}

void AsioPeerTransport::OnUnreachable(raft::MemberId peer) {
  FailQuestions(peer);
  callbacks_.on_unreachable(peer);
}

void AsioPeerTransport::Send(std::vector<raft::Message> messages) {
  for (const auto& message : messages) {
    const std::shared_ptr<PeerLink> link = LinkTo(message.to);
    if (link == nullptr) continue;
    std::string frame;
    const size_t at = BeginFrame(frame, FrameKind::kMessage);
    EncodeMessage(message, frame);
    if (frame.size() - kFrameHeadBytes > options_.max_frame_bytes) {
      spdlog::error("peer {:x}: a message of {} bytes is larger than any peer takes: dropped",
                    message.to.value(), frame.size());
      continue;
    }
    FinishFrame(frame, at);
    link->Enqueue(std::move(frame));
  }
}

void AsioPeerTransport::Ask(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
                            AskDone done) {
  absl::Status refused = absl::UnavailableError("too many questions wait to be asked");
  {
    const std::lock_guard lock(asked_mutex_);
    if (stopped_) refused = Stopped();
    if (!stopped_ && asked_.size() < kMostQuestions) {
      asked_.push_back({peer, std::move(question), timeout, std::move(done)});
      if (asked_.size() == 1) asio::post(io_, [this] { TakeAsked(); });
      return;
    }
  }
  done(refused);
}

void AsioPeerTransport::TakeAsked() {
  std::deque<NewQuestion> asked;
  {
    const std::lock_guard lock(asked_mutex_);
    asked.swap(asked_);
  }
  for (NewQuestion& next : asked)
    AskNow(next.peer, std::move(next.question), next.timeout, std::move(next.done));
}

void AsioPeerTransport::AskNow(raft::MemberId peer, PeerQuestion question, absl::Duration timeout,
                               AskDone done) {
  const std::shared_ptr<PeerLink> link = LinkTo(peer);
  if (link == nullptr) {
    return done(absl::UnavailableError(absl::StrCat("no such peer: ", absl::Hex(peer.value()))));
  }
  if (questions_.size() >= kMostQuestions) {
    return done(absl::UnavailableError("too many questions wait for an answer"));
  }
  const uint64_t number = ++last_question_;
  if (!link->Enqueue(MakeFrame(FrameKind::kQuestion, EncodeQuestion(number, question)))) {
    return done(absl::UnavailableError("the peer cannot be reached"));
  }
  auto timer = std::make_unique<asio::steady_timer>(io_);
  timer->expires_after(absl::ToChronoNanoseconds(timeout));
  timer->async_wait([this, number](const asio::error_code& error) {
    if (!error) FinishQuestion(number, absl::UnavailableError("the peer did not answer in time"));
  });
  questions_.emplace(number, OpenQuestion{peer, std::move(done), std::move(timer)});
}

void AsioPeerTransport::FinishQuestion(uint64_t number, absl::StatusOr<std::string> answer) {
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
  const std::lock_guard lock(mutex_);
  for (const auto& [peer, contact] : contacts_) {
    stats.sent_bytes[peer.value()] = contact.counters->sent_bytes;
    stats.received_bytes[peer.value()] = contact.counters->received_bytes;
    stats.send_failures[peer.value()] = contact.counters->send_failures;
    stats.receive_failures[peer.value()] = contact.counters->receive_failures;
  }
  return stats;
}

std::unique_ptr<PeerTransport> MakeAsioPeerTransport(PeerOptions options) {
  return std::make_unique<AsioPeerTransport>(std::move(options));
}

}  // namespace pintle::server::replica

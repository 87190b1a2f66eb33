#include "server/replica/peer_join.h"

#include <spdlog/spdlog.h>

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/peer_frame.h"
#include "server/replica/peer_greeting.h"
#include "server/replica/peer_stream.h"

namespace pintle::server::replica {
namespace {

using asio::ip::tcp;

constexpr auto kDialTimeout = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(200);
constexpr size_t kMostAnswerBytes = size_t{2} << 20;

// One question over a connection of its own: the other side answers and closes.
struct Conversation {
  asio::io_context io;
  tcp::resolver resolver{io};
  PeerStream stream{io};
  const PeerAddress& address;
  net::TlsPolicy* tls;
  const std::string question;
  std::string answer;
  std::string problem = "no answer in time";
  bool connected = false;

  Conversation(const PeerAddress& to, net::TlsPolicy* policy, std::string text)
      : address(to), tls(policy), question(std::move(text)) {}

  void Run() {
    resolver.async_resolve(address.host, std::to_string(address.port),
                           [this](const asio::error_code& error, const auto& found) {
                             if (error) return Fail(error);
                             Connect(found);
                           });
    io.run_for(kDialTimeout);
    stream.Close();
    io.run_for(kDialTimeout);  // what is still under way ends now
  }
  void Connect(const tcp::resolver::results_type& found) {
    asio::async_connect(stream.socket(), found, [this](const asio::error_code& error, const auto&) {
      if (error) return Fail(error);
      if (!address.tls) return Write();
      if (tls == nullptr || !stream.Secure(tls->NewClient(address.host))) {
        problem = "tls: cannot begin";
        return;
      }
      stream.Handshake(true, [this](const asio::error_code& failed) {
        if (failed) return Fail(failed);
        Write();
      });
    });
  }
  void Write() {
    connected = true;
    asio::async_write(stream, asio::buffer(question),
                      [this](const asio::error_code& error, size_t) {
                        if (error) return Fail(error);
                        Read();
                      });
  }
  void Read() {
    asio::async_read(stream, asio::dynamic_buffer(answer, kMostAnswerBytes),
                     [this](const asio::error_code& error, size_t) {
                       // A TLS peer that is done may close without a word.
                       const bool ended = error == asio::error::eof || !answer.empty();
                       if (!ended) return Fail(error);
                       problem.clear();
                     });
  }
  void Fail(const asio::error_code& error) {
    if (error != asio::error::operation_aborted) problem = stream.Explain(error);
  }
};

absl::Status EtcdAnswersThere(const PeerAddress& address) {
  return absl::FailedPreconditionError(absl::StrCat(
      "a member of etcd listens at ", address.host, ":", address.port,
      ": Pintle cannot join a cluster of etcd; save a snapshot of it (etcdctl snapshot save) and "
      "start a new cluster from that (pintle snapshot restore)"));
}

// Who does not answer our question may still answer this one.
bool SpeaksHttp(const PeerAddress& address, net::TlsPolicy* tls) {
  Conversation probe(address, tls, "GET /version HTTP/1.0\r\nHost: peer\r\n\r\n");
  probe.Run();
  return probe.answer.starts_with("HTTP/");
}

absl::StatusOr<JoinFacts> AskOne(const PeerAddress& address, net::TlsPolicy* tls) {
  Conversation conversation(address, tls, MakeFrame(FrameKind::kMembersQuestion, ""));
  conversation.Run();
  const bool http = conversation.answer.starts_with("HTTP/");
  const bool silent = conversation.answer.empty() && conversation.connected;
  if (http || (silent && SpeaksHttp(address, tls))) return EtcdAnswersThere(address);
  if (!conversation.problem.empty()) return absl::UnavailableError(conversation.problem);
  Frame frame;
  JoinFacts facts;
  if (TakeFrame(conversation.answer, kMostAnswerBytes, frame) != FrameCheck::kWhole ||
      frame.kind != FrameKind::kMembersAnswer) {
    return absl::UnavailableError("it does not speak the members' protocol");
  }
  if (!DecodeJoinFacts(frame.body, facts)) {
    return absl::UnavailableError("it does not know the members itself yet");
  }
  return facts;
}

}  // namespace

absl::StatusOr<JoinFacts> AskToJoin(const std::vector<PeerAddress>& addresses,
                                    const std::shared_ptr<net::TlsPolicy>& tls,
                                    const std::vector<std::string>& own_peer_urls,
                                    absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  std::string problem = "--initial-cluster names nobody else";
  do {
    for (const PeerAddress& address : addresses) {
      absl::StatusOr<JoinFacts> facts = AskOne(address, tls.get());
      if (absl::IsFailedPrecondition(facts.status())) return facts;
      absl::Status refused = facts.status();
      if (facts.ok()) refused = JoinAs(*facts, own_peer_urls).status();
      if (facts.ok() && !absl::IsNotFound(refused)) return facts;
      problem = absl::StrCat(address.host, ":", address.port, ": ", std::string(refused.message()));
    }
    spdlog::warn("cannot join yet: {}", problem);
    std::this_thread::sleep_for(kPause);
  } while (std::chrono::steady_clock::now() < deadline);
  return absl::DeadlineExceededError(absl::StrCat("cannot join the cluster: ", problem));
}

}  // namespace pintle::server::replica

#include "server/replica/peer_join.h"

#include <spdlog/spdlog.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/replica/peer_dial.h"
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
    DialPeer(resolver, stream, address, nullptr,
             [this](std::string_view, const asio::error_code& error) {
               if (error) return Fail(error);
               Dialed();
             });
    io.run_for(kDialTimeout);
    stream.Close();
    io.run_for(kDialTimeout);  // what is still under way ends now
  }
  void Dialed() {
    if (!address.tls) return Write();
    if (tls == nullptr || !stream.Secure(tls->NewClient(address.tls_name()))) {
      problem = "tls: cannot begin";
      return;
    }
    stream.Handshake(true, [this](const asio::error_code& failed) {
      if (failed) return Fail(failed);
      Write();
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
      "a member of etcd listens at ", address.text(),
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

absl::Status Join::AskAll(JoinAnswers& answers) {
  for (const std::vector<PeerAddress>& member : members_) {
    for (const PeerAddress& address : member) {
      absl::StatusOr<JoinFacts> facts = AskOne(address, tls_.get());
      if (absl::IsFailedPrecondition(facts.status())) return facts.status();
      if (facts.ok()) {
        answers.Add(*std::move(facts));
        break;
      }
      problem_ = absl::StrCat(address.text(), ": ", std::string(facts.status().message()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<JoinFacts> Join::Ask(absl::Duration patience,
                                    const std::function<bool(const JoinAnswers&)>& is_enough) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  do {
    JoinAnswers answers;
    PINTLE_RETURN_IF_ERROR(AskAll(answers));
    if (is_enough(answers)) return *answers.newest();
    spdlog::warn("cannot join yet: {}", problem_);
    std::this_thread::sleep_for(kPause);
  } while (std::chrono::steady_clock::now() < deadline);
  return absl::DeadlineExceededError(absl::StrCat("cannot join the cluster: ", problem_));
}

absl::StatusOr<JoinFacts> Join::AskWhoWeAre(const std::vector<std::string>& own_peer_urls,
                                            absl::Duration patience) {
  return Ask(patience, [&](const JoinAnswers& answers) {
    const absl::StatusOr<uint64_t> self = answers.JoinAs(own_peer_urls);
    if (answers.newest() != nullptr && !self.ok()) problem_ = std::string(self.status().message());
    return self.ok() || absl::IsFailedPrecondition(self.status());
  });
}

absl::StatusOr<MemberList> Join::AskWhoTheyAre(absl::Duration patience) {
  PINTLE_ASSIGN_OR_RETURN(JoinFacts facts, Ask(patience, [](const JoinAnswers& answers) {
                            return answers.newest() != nullptr;
                          }));
  return std::move(facts.list);
}

}  // namespace pintle::server::replica

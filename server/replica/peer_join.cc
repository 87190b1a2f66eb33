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
#include "absl/strings/str_join.h"
#include "server/replica/peer_frame.h"

namespace pintle::server::replica {
namespace {

using asio::ip::tcp;

constexpr auto kDialTimeout = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::milliseconds(200);
constexpr size_t kMostAnswerBytes = size_t{2} << 20;

// One question over a connection of its own: the peer answers and closes.
struct Conversation {
  asio::io_context io;
  tcp::resolver resolver{io};
  tcp::socket socket{io};
  std::string question = MakeFrame(FrameKind::kMembersQuestion, "");
  std::string answer;
  std::string problem = "no answer in time";

  void Begin(const PeerAddress& address) {
    resolver.async_resolve(address.host, std::to_string(address.port),
                           [this](const asio::error_code& error, const auto& found) {
                             if (error) return Fail(error);
                             Connect(found);
                           });
  }
  void Connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket, found, [this](const asio::error_code& error, const auto&) {
      if (error) return Fail(error);
      asio::async_write(socket, asio::buffer(question),
                        [this](const asio::error_code& failed, size_t) {
                          if (failed) return Fail(failed);
                          Read();
                        });
    });
  }
  void Read() {
    asio::async_read(socket, asio::dynamic_buffer(answer, kMostAnswerBytes),
                     [this](const asio::error_code& error, size_t) {
                       if (error != asio::error::eof) return Fail(error);
                       problem.clear();
                     });
  }
  void Fail(const asio::error_code& error) { problem = error.message(); }
};

absl::StatusOr<JoinFacts> AskOne(const PeerAddress& address) {
  Conversation conversation;
  conversation.Begin(address);
  conversation.io.run_for(kDialTimeout);
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
                                    const std::vector<std::string>& own_peer_urls,
                                    absl::Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(patience);
  std::string problem = "--initial-cluster names nobody else";
  do {
    for (const PeerAddress& address : addresses) {
      absl::StatusOr<JoinFacts> facts = AskOne(address);
      if (facts.ok() && FindByPeerUrls(facts->list, own_peer_urls) != nullptr) return facts;
      const std::string where = absl::StrCat(address.host, ":", address.port, ": ");
      problem = facts.ok() ? absl::StrCat(where, "the cluster has no member with the peer URLs ",
                                          absl::StrJoin(own_peer_urls, ","),
                                          ": add it first (etcdctl member add)")
                           : absl::StrCat(where, std::string(facts.status().message()));
    }
    spdlog::warn("cannot join yet: {}", problem);
    std::this_thread::sleep_for(kPause);
  } while (std::chrono::steady_clock::now() < deadline);
  return absl::DeadlineExceededError(absl::StrCat("cannot join the cluster: ", problem));
}

}  // namespace pintle::server::replica

#include "server/replica/peer_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/write.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kLargestHelloBytes = 1024;

std::string RemoteText(const asio::ip::tcp::socket& socket) {
  asio::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "somebody gone";
  return absl::StrCat(endpoint.address().to_string(), ":", endpoint.port());
}

}  // namespace

PeerSession::PeerSession(asio::ip::tcp::socket socket, const PeerOptions& options,
                         Callbacks callbacks)
    : socket_(std::move(socket)),
      options_(options),
      callbacks_(std::move(callbacks)),
      reader_(socket_),
      timer_(socket_.get_executor()),
      remote_(RemoteText(socket_)) {}

void PeerSession::Start() {
  asio::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  timer_.expires_after(absl::ToChronoNanoseconds(options_.dial_timeout));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (!error && self->peer_ == raft::kNoMember) self->Close();
  });
  reader_.Start(shared_from_this(), kLargestHelloBytes,
                {.on_frame = [this](const Frame& frame) { return OnFrame(frame); },
                 .on_end =
                     [this](const std::string& reason, bool damaged) {
                       if (damaged) spdlog::warn("peer at {}: {}: closed", remote_, reason);
                       Close();
                     }});
}

void PeerSession::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();  // on_closed lets go of us
  timer_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
  callbacks_.on_closed(*this);
}

bool PeerSession::OnFrame(const Frame& frame) {
  if (closed_) return false;
  if (peer_ != raft::kNoMember) {
    if (!callbacks_.on_frame(*this, frame)) {
      spdlog::warn("peer {:x} at {}: a frame that cannot be understood: closed", peer_.value(),
                   remote_);
      Close();
    }
    return !closed_;
  }
  Hello hello;
  if (frame.kind != FrameKind::kHello || !DecodeHello(frame.body, hello)) {
    spdlog::warn("peer at {}: does not speak the members' protocol: closed", remote_);
    Close();
    return false;
  }
  if (const std::string why = WhyRefused(hello); !why.empty()) {
    Refuse(why);
    return false;
  }
  Accept(hello);
  return !closed_;
}

std::string PeerSession::WhyRefused(const Hello& hello) const {
  if (hello.cluster_id != options_.cluster_id) {
    return absl::StrFormat(
        "cluster %x is meant, this is cluster %x: check --initial-cluster and "
        "--initial-cluster-token",
        hello.cluster_id, options_.cluster_id);
  }
  if (hello.to != options_.self) {
    return absl::StrFormat("member %x is meant, this is member %x: check --initial-cluster",
                           hello.to.value(), options_.self.value());
  }
  if (!options_.peers.contains(hello.from)) {
    return absl::StrFormat("member %x is not in this cluster", hello.from.value());
  }
  if (hello.lowest_version > kHighestPeerProtocol || hello.highest_version < kLowestPeerProtocol) {
    return absl::StrFormat("protocol versions %d to %d are spoken there, %d to %d here",
                           hello.lowest_version, hello.highest_version, kLowestPeerProtocol,
                           kHighestPeerProtocol);
  }
  return "";
}

void PeerSession::Refuse(const std::string& text) {
  spdlog::warn("peer at {}: refused: {}", remote_, text);
  const auto answer =
      std::make_shared<const std::string>(MakeFrame(FrameKind::kHelloRefused, text));
  asio::async_write(
      socket_, asio::buffer(*answer),
      [self = shared_from_this(), answer](const asio::error_code&, size_t) { self->Close(); });
}

void PeerSession::Accept(const Hello& hello) {
  peer_ = hello.from;
  timer_.cancel();
  reader_.set_limit(options_.max_frame_bytes);
  const HelloOk ok{.version = std::min(hello.highest_version, kHighestPeerProtocol),
                   .member = options_.self};
  const auto answer =
      std::make_shared<const std::string>(MakeFrame(FrameKind::kHelloOk, EncodeHelloOk(ok)));
  asio::async_write(socket_, asio::buffer(*answer),
                    [self = shared_from_this(), answer](const asio::error_code& error, size_t) {
                      if (error) self->Close();
                    });
  callbacks_.on_greeted(*this);
}

}  // namespace pintle::server::replica

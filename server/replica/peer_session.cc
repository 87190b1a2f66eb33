#include "server/replica/peer_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/write.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/replica/peer_host_check.h"

namespace pintle::server::replica {
namespace {

constexpr int kTlsPatience = 5;  // times dial_timeout: a handshake, and names to be looked up

std::string RemoteText(const PeerStream& stream) {
  const auto remote = stream.remote();
  if (!remote) return std::string(net::kNoAddress);
  return PeerAddress{.host = remote->address().to_string(), .port = remote->port()}.text();
}

}  // namespace

PeerSession::PeerSession(PeerStream::Socket socket, bool tls, const PeerOptions& options,
                         storage::DataDirId own_data_dir, Callbacks callbacks)
    : stream_(std::move(socket)),
      tls_(tls),
      options_(options),
      own_data_dir_(own_data_dir),
      callbacks_(std::move(callbacks)),
      reader_(stream_),
      timer_(stream_.get_executor()),
      remote_(RemoteText(stream_)) {}

void PeerSession::Start() {
  asio::error_code ignored;
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  stream_.socket().set_option(asio::socket_base::keep_alive(true), ignored);
  timer_.expires_after(
      absl::ToChronoNanoseconds(options_.dial_timeout * (tls_ ? kTlsPatience : 1)));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (!error && self->peer_ == raft::kNoMember) self->Close();
  });
  if (tls_) return Secure();
  Listen();
}

void PeerSession::Secure() {
  if (options_.tls == nullptr || !stream_.Secure(options_.tls->NewServer(remote_))) {
    return RefuseTls("tls: cannot begin");
  }
  stream_.Handshake(false, [self = shared_from_this()](const asio::error_code& error) {
    if (self->closed_) return;
    if (error) return self->RefuseTls(self->stream_.Explain(error));
    self->CheckHosts();
  });
}

void PeerSession::CheckHosts() {
  std::vector<std::string> hosts = stream_.hosts_to_look_up();
  if (hosts.empty()) return Listen();
  const auto from = stream_.remote();
  if (!from) return Close();
  replica::CheckHosts(stream_.get_executor(), shared_from_this(), std::move(hosts), from->address(),
                      [this](bool fits) {
                        if (closed_) return;
                        if (fits) return Listen();
                        RefuseTls("tls: its address does not match any name in its certificate");
                      });
}

void PeerSession::RefuseTls(const std::string& why) {
  if (options_.tls != nullptr) options_.tls->NoteRefused(remote_, why);
  Close();
}

void PeerSession::Listen() {
  reader_.Start(shared_from_this(), kLargestHelloBytes,
                {.on_frame = [this](const Frame& frame) { return OnFrame(frame); },
                 .on_http = [this](std::string_view bytes) { return OnHttp(bytes); },
                 .on_end =
                     [this](const std::string& reason, bool damaged) {
                       if (damaged) spdlog::warn("peer at {}: {}: closed", remote_, reason);
                       if (damaged && peer_ != raft::kNoMember) callbacks_.on_bad_frame(*this);
                       Close();
                     }});
}

void PeerSession::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();  // on_closed lets go of us
  timer_.cancel();
  stream_.Close();
  callbacks_.on_closed(*this);
}

bool PeerSession::OnFrame(const Frame& frame) {
  if (closed_) return false;
  if (peer_ != raft::kNoMember) {
    if (!callbacks_.on_frame(*this, frame)) {
      spdlog::warn("peer {:x} at {}: a frame that cannot be understood: closed", peer_.value(),
                   remote_);
      callbacks_.on_bad_frame(*this);
      Close();
    }
    return !closed_;
  }
  return OnFirstFrame(frame);
}

bool PeerSession::OnFirstFrame(const Frame& frame) {
  if (frame.kind == FrameKind::kMembersQuestion) {
    TellMembers();
    return false;
  }
  Hello hello;
  if (frame.kind != FrameKind::kHello || !DecodeHello(frame.body, hello)) {
    spdlog::warn("peer at {}: does not speak the members' protocol: closed", remote_);
    Close();
    return false;
  }
  if (const auto refused = WhyRefused(hello)) {
    Refuse(*refused);
    return false;
  }
  Accept(hello);
  return !closed_;
}

// Somebody else than a member, or a member of etcd's that looks for others of its kind.
bool PeerSession::OnHttp(std::string_view bytes) {
  if (closed_) return false;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos && bytes.size() < kLargestHelloBytes) return true;
  std::optional<std::string> answer;
  if (end != std::string_view::npos) answer = AnswerHttp(bytes.substr(0, end), callbacks_.page);
  if (!answer) {
    spdlog::warn("peer at {}: {}: closed", remote_, kHttpReason);
    answer = HttpNotFound();
  }
  WriteAndClose(*std::move(answer));
  return false;
}

std::optional<HelloRefused> PeerSession::WhyRefused(const Hello& hello) const {
  const auto other = [](std::string text) { return HelloRefused{.text = std::move(text)}; };
  if (hello.cluster_id != options_.cluster_id) {
    return other(
        absl::StrFormat("cluster %x is meant, this is cluster %x: check --initial-cluster and "
                        "--initial-cluster-token",
                        hello.cluster_id, options_.cluster_id));
  }
  if (hello.to != options_.self) {
    return other(
        absl::StrFormat("member %x is meant, this is member %x: check the peer URLs of both",
                        hello.to.value(), options_.self.value()));
  }
  if (hello.from == options_.self || hello.from == raft::kNoMember) {
    return other(absl::StrFormat("member %x is this one itself", hello.from.value()));
  }
  if (hello.lowest_version > options_.highest_version ||
      hello.highest_version < options_.lowest_version) {
    return other(absl::StrFormat(
        "protocol versions %d to %d are spoken there, %d to %d here: start a version in between "
        "first",
        hello.lowest_version, hello.highest_version, options_.lowest_version,
        options_.highest_version));
  }
  return callbacks_.objection(hello);
}

void PeerSession::Refuse(const HelloRefused& refused) {
  spdlog::warn("peer at {}: refused: {}", remote_, refused.text);
  WriteAndClose(MakeFrame(FrameKind::kHelloRefused, EncodeHelloRefused(refused)));
}

void PeerSession::TellMembers() {
  WriteAndClose(MakeFrame(FrameKind::kMembersAnswer, callbacks_.on_members_question()));
}

void PeerSession::WriteAndClose(std::string frame) {
  const auto answer = std::make_shared<const std::string>(std::move(frame));
  asio::async_write(
      stream_, asio::buffer(*answer),
      [self = shared_from_this(), answer](const asio::error_code&, size_t) { self->Close(); });
}

void PeerSession::Accept(const Hello& hello) {
  peer_ = hello.from;
  timer_.cancel();
  reader_.set_limit(options_.max_frame_bytes);
  const HelloOk ok{.version = std::min(hello.highest_version, options_.highest_version),
                   .member = options_.self,
                   .data_dir = own_data_dir_};
  const auto answer =
      std::make_shared<const std::string>(MakeFrame(FrameKind::kHelloOk, EncodeHelloOk(ok)));
  asio::async_write(stream_, asio::buffer(*answer),
                    [self = shared_from_this(), answer](const asio::error_code& error, size_t) {
                      if (error) self->Close();
                    });
  callbacks_.on_greeted(*this, hello);
}

}  // namespace pintle::server::replica

#include "server/replica/peer_link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/peer_dial.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kLargestAnswerBytes = 4096;
// A peer that vanished without a word: sent bytes that nobody acknowledges end the connection.
constexpr unsigned kUnacknowledgedMilliseconds = 5000;
// A dying process may still accept for a moment after its connections were closed.
constexpr int kQuickDials = 10;
constexpr absl::Duration kQuickDialWait = absl::Milliseconds(3);

void Configure(PeerStream::Socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const unsigned limit = kUnacknowledgedMilliseconds;
  (void)setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

// TLS makes a record, and a system call, of each buffer that it gets.
void JoinFrames(std::vector<std::string>& frames) {
  constexpr size_t kJoinedBytes = size_t{64} << 10;
  size_t kept = 0;
  for (size_t i = 1; i < frames.size(); ++i) {
    if (frames[kept].size() + frames[i].size() <= kJoinedBytes) {
      frames[kept] += frames[i];
    } else if (++kept != i) {
      frames[kept] = std::move(frames[i]);
    }
  }
  frames.resize(kept + 1);
}

}  // namespace

PeerLink::PeerLink(asio::io_context& io, const PeerOptions& options, Target target, Hello hello,
                   std::shared_ptr<PeerCounters> counters, Callbacks callbacks)
    : io_(io),
      options_(options),
      peer_(target.peer),
      addresses_(std::move(target.addresses)),
      hello_(std::move(hello)),
      counters_(std::move(counters)),
      callbacks_(std::move(callbacks)),
      resolver_(io),
      timer_(io),
      backoff_(options.redial_min),
      random_(std::random_device{}()) {}

void PeerLink::Start() {
  if (!addresses_.empty()) return Dial();
  spdlog::error("peer {:x}: none of its peer URLs can be read", peer_.value());
}

void PeerLink::Stop() {
  stopped_ = true;
  timer_.cancel();
  resolver_.cancel();
  if (connection_ != nullptr) connection_->stream.Close();
  const std::lock_guard lock(mutex_);
  accepting_ = false;
  queued_.clear();
}

void PeerLink::Dial() {
  const auto connection = std::make_shared<Connection>(io_);
  connection_ = connection;
  timer_.expires_after(absl::ToChronoNanoseconds(options_.dial_timeout));
  timer_.async_wait([self = shared_from_this(), connection](const asio::error_code& error) {
    if (!error && !self->connected_) self->Lose(connection, "no answer in time");
  });
  DialPeer(resolver_, connection->stream, address(), connection,
           [self = shared_from_this(), connection](std::string_view step,
                                                   const asio::error_code& error) {
             if (self->current(connection)) self->Dialed(connection, step, error);
           });
}

void PeerLink::Dialed(const ConnectionPtr& connection, std::string_view step,
                      const asio::error_code& error) {
  if (IsRefusal(address(), error) && quick_dials_ > 0) {
    quick_dials_ = 0;
    callbacks_.on_gone();
  }
  if (error) return Lose(connection, absl::StrCat(std::string(step), ": ", error.message()));
  Configure(connection->stream.socket());
  if (!address().tls) return Greet(connection);
  Secure(connection);
}

void PeerLink::Secure(const ConnectionPtr& connection) {
  PeerStream& stream = connection->stream;
  if (options_.tls == nullptr || !stream.Secure(options_.tls->NewClient(address().tls_name()))) {
    return Lose(connection, "tls: cannot begin");
  }
  stream.Handshake(true, [self = shared_from_this(), connection](const asio::error_code& error) {
    if (!self->current(connection)) return;
    if (error) return self->Lose(connection, "tls: " + connection->stream.Explain(error));
    self->Greet(connection);
  });
}

void PeerLink::Greet(const ConnectionPtr& connection) {
  const auto hello =
      std::make_shared<const std::string>(MakeFrame(FrameKind::kHello, EncodeHello(hello_)));
  asio::async_write(
      connection->stream, asio::buffer(*hello),
      [self = shared_from_this(), connection, hello](const asio::error_code& error, size_t) {
        if (error) self->Lose(connection, "write: " + error.message());
      });
  // Weak: the reader is part of the connection, and must not keep itself.
  const std::weak_ptr<Connection> weak = connection;
  connection->reader.Start(
      connection, kLargestAnswerBytes,
      {.on_frame =
           [self = weak_from_this(), weak](const Frame& frame) {
             const auto link = self.lock();
             return link != nullptr && link->OnFrame(weak.lock(), frame);
           },
       .on_end =
           [self = weak_from_this(), weak](const std::string& reason, bool /*damaged*/) {
             if (const auto link = self.lock()) link->Lose(weak.lock(), "read: " + reason);
           }});
}

bool PeerLink::OnFrame(const ConnectionPtr& connection, const Frame& frame) {
  if (!current(connection)) return false;
  HelloOk hello;
  if (connected_ || frame.kind != FrameKind::kHelloOk || !DecodeHelloOk(frame.body, hello)) {
    AnswerRefusal(connection, frame);
    return false;
  }
  if (hello.member != peer_ || hello.version < options_.lowest_version ||
      hello.version > options_.highest_version) {
    Lose(connection, "another member, or another protocol, answers there");
    return false;
  }
  if (const std::string objection = callbacks_.objection(hello); !objection.empty()) {
    Lose(connection, objection);
    return false;
  }
  connected_ = true;
  quick_dials_ = 0;
  timer_.cancel();
  backoff_ = options_.redial_min;
  last_reason_.clear();
  spdlog::info("peer {:x}: connected to {}", peer_.value(), address().text());
  const std::lock_guard lock(mutex_);
  accepting_ = true;
  return true;
}

void PeerLink::AnswerRefusal(const ConnectionPtr& connection, const Frame& frame) {
  HelloRefused refused;
  if (connected_ || frame.kind != FrameKind::kHelloRefused ||
      !DecodeHelloRefused(frame.body, refused)) {
    return Lose(connection, "an answer that this protocol does not have");
  }
  if (refused.reason != Refusal::kOther) {  // for good
    quick_dials_ = 0;
    backoff_ = options_.redial_max;
  }
  Lose(connection, absl::StrCat("refused us: ", refused.text));
  callbacks_.on_refused(refused);
}

void PeerLink::Lose(const ConnectionPtr& connection, const std::string& reason) {
  if (!current(connection)) return;
  connection->stream.Close();
  resolver_.cancel();
  connection_.reset();
  if (std::exchange(connected_, false)) quick_dials_ = kQuickDials + 1;
  writing_ = false;
  {
    const std::lock_guard lock(mutex_);
    accepting_ = false;
    full_ = false;
    queued_.clear();
    queued_bytes_ = 0;
  }
  ++counters_->send_failures;
  if (reason != last_reason_) {
    spdlog::warn("peer {:x} at {}: {}", peer_.value(), address().text(), reason);
    last_reason_ = reason;
  }
  if (quick_dials_ > 0 && --quick_dials_ > 0) {
    DialLater(kQuickDialWait);
  } else {
    // Half to all of it, so that members that lost each other at once do not stay in step.
    const double part = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    ++dials_;
    DialLater(backoff_ * part);
    backoff_ = std::min(backoff_ * 2, options_.redial_max);
  }
  callbacks_.on_unreachable();
}

void PeerLink::DialLater(absl::Duration wait) {
  timer_.expires_after(absl::ToChronoNanoseconds(wait));
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (!error && !self->stopped_) self->Dial();
  });
}

bool PeerLink::Enqueue(std::string frame) {
  bool wake = false;
  bool became_full = false;
  {
    const std::lock_guard lock(mutex_);
    const bool fits =
        queued_bytes_ == 0 || queued_bytes_ + frame.size() <= options_.max_queued_bytes;
    if (accepting_ && fits) {
      queued_bytes_ += frame.size();
      queued_.push_back(std::move(frame));
      wake = !std::exchange(woken_, true);
    } else {
      if (accepting_) became_full = !std::exchange(full_, true);
      ++counters_->send_failures;
      if (!became_full) return false;
    }
  }
  if (wake) asio::post(io_, [self = shared_from_this()] { self->WakeUp(); });
  if (!became_full) return true;
  asio::post(io_, [self = shared_from_this()] {
    if (self->stopped_) return;
    spdlog::warn("peer {:x}: the queue is full, messages are dropped", self->peer_.value());
    self->callbacks_.on_unreachable();
  });
  return false;
}

void PeerLink::WakeUp() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
  }
  Flush();
}

void PeerLink::Flush() {
  if (stopped_ || !connected_ || writing_) return;
  const auto frames = std::make_shared<std::vector<std::string>>();
  {
    const std::lock_guard lock(mutex_);
    frames->swap(queued_);
  }
  if (frames->empty()) return;
  writing_ = true;
  if (connection_->stream.secure()) JoinFrames(*frames);
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(frames->size());
  for (const auto& frame : *frames) buffers.push_back(asio::buffer(frame));
  asio::async_write(connection_->stream, buffers,
                    [self = shared_from_this(), connection = connection_, frames](
                        const asio::error_code& error, size_t count) {
                      self->counters_->sent_bytes += count;
                      if (!self->current(connection)) return;
                      if (error) return self->Lose(connection, "write: " + error.message());
                      {
                        const std::lock_guard lock(self->mutex_);
                        self->queued_bytes_ -= count;
                        self->full_ = self->full_ && self->queued_bytes_ > 0;
                      }
                      self->writing_ = false;
                      self->Flush();
                    });
}

}  // namespace pintle::server::replica

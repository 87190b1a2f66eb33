#include "net/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <cstring>
#include <utility>

#include "net/concat.h"
#include "net/tls_policy.h"

namespace pintle::net {
namespace {

using asio::ip::tcp;

// A peer whose machine vanished without a word is noticed after about two minutes, not after the
// kernel's two hours.
void SetSocketOptions(Connection::Socket& socket) {
  asio::error_code ignored;
  socket.non_blocking(true, ignored);
  if (socket.local_endpoint(ignored).protocol().family() == AF_UNIX) return;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle_seconds = 60, interval_seconds = 15, probes = 4;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof(int));
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof(int));
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(int));
}

std::string PeerName(const Connection::Socket& socket) {
  asio::error_code error;
  const asio::generic::stream_protocol::endpoint peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  if (peer.protocol().family() == AF_UNIX) return std::string(kNoAddress);
  tcp::endpoint address;
  std::memcpy(address.data(), peer.data(), std::min(peer.size(), address.capacity()));
  const std::string text = address.address().to_string();
  return address.address().is_v6() ? Concat("[", text, "]:", address.port())
                                   : Concat(text, ":", address.port());
}

}  // namespace

Connection::Connection(EventLoop& loop, Socket socket, std::shared_ptr<ByteCounters> counters)
    : loop_(loop), socket_(std::move(socket)), counters_(std::move(counters)) {
  SetSocketOptions(socket_);
  peer_ = std::make_shared<const PeerIdentity>(PeerIdentity{.address = PeerName(socket_)});
}

void Connection::Start(SessionFactory make_session, OnClosed on_closed) {
  on_closed_ = std::move(on_closed);
  session_ = make_session(*this);
  RequestFlush();
  StartRead();
}

void Connection::Shutdown() {
  if (closed_) return;
  session_->Shutdown();
  RequestFlush();
}

void Connection::Abort() {
  aborting_ = true;
  RequestFlush();
}

void Connection::CloseNow() {
  if (closed_) return;
  const std::shared_ptr<Connection> self =
      shared_from_this();  // the owner may let go in on_closed_
  closed_ = true;
  linger_timer_.reset();
  asio::error_code ignored;
  socket_.close(ignored);
  session_->Closed();
  if (OnClosed on_closed = std::move(on_closed_)) on_closed();
}

void Connection::RequestFlush() {
  if (flush_requested_ || closed_) return;
  flush_requested_ = true;
  loop_.RequestFlush(shared_from_this());
}

void Connection::StartRead() {
  if (reading_ || closed_ || end_received_) return;
  if (!lingering_ && !session_->WantsRead()) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(own_buffer_),
                          [self = shared_from_this()](const asio::error_code& error, size_t count) {
                            self->reading_ = false;
                            if (self->closed_) return;
                            EventLoop::Turn turn(self->loop_);
                            self->OnRead(error, count);
                          });
}

void Connection::OnRead(const asio::error_code& error, size_t count) {
  if (error == asio::error::eof) {
    end_received_ = true;
    if (lingering_) return CloseNow();
    session_->ReceiveEnd();
    return RequestFlush();
  }
  if (error) return CloseNow();
  if (counters_ != nullptr) counters_->received.fetch_add(count, std::memory_order_relaxed);
  if (!lingering_) session_->Receive(std::string_view(own_buffer_.data(), count));
  if (count == own_buffer_.size()) ReadMore();
  RequestFlush();
  StartRead();
}

void Connection::ReadMore() {
  constexpr int kRounds = 8;  // then the loop's other connections have their turn
  for (int round = 0; round < kRounds && (lingering_ || session_->WantsRead()); ++round) {
    std::array<char, EventLoop::kReadBufferBytes>& buffer = loop_.read_buffer();
    const ssize_t count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return;  // nothing now, or an end that the next asynchronous read will report
    const size_t received = static_cast<size_t>(count);
    if (counters_ != nullptr) counters_->received.fetch_add(received, std::memory_order_relaxed);
    if (!lingering_) session_->Receive(std::string_view(buffer.data(), received));
    if (received < buffer.size()) return;
  }
}

void Connection::Flush() {
  constexpr int kRounds = 16;
  flush_requested_ = false;
  if (closed_) return;
  if (aborting_) return CloseNow();
  if (writing_ || lingering_) return;
  int round = 0;
  while (round < kRounds && FlushOnce()) ++round;
  if (closed_ || writing_) return;
  if (round == kRounds) {
    RequestFlush();
  } else if (session_->done()) {
    Linger();
    return;
  }
  StartRead();
}

bool Connection::FlushOnce() {
  std::string& buffer = loop_.write_buffer();
  buffer.clear();
  session_->Produce(buffer, kWriteBytes);
  if (buffer.empty()) return false;
  asio::error_code error;
  const size_t sent = socket_.write_some(asio::buffer(buffer), error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    CloseNow();
    return false;
  }
  if (counters_ != nullptr) counters_->sent.fetch_add(buffer.size(), std::memory_order_relaxed);
  if (sent == buffer.size()) return true;
  StartWrite(std::string_view(buffer).substr(sent));
  return false;
}

void Connection::StartWrite(std::string_view rest) {
  writing_ = true;
  unwritten_.assign(rest);
  asio::async_write(socket_, asio::buffer(unwritten_),
                    [self = shared_from_this()](const asio::error_code& error, size_t) {
                      self->writing_ = false;
                      std::string().swap(self->unwritten_);
                      if (self->closed_) return;
                      EventLoop::Turn turn(self->loop_);
                      if (error) return self->CloseNow();
                      self->RequestFlush();
                    });
}

// Closing while the peer still sends would reset the connection and could take the last answer with
// it: say that we are done, then read and forget for a moment.
void Connection::Linger() {
  if (end_received_) return CloseNow();
  lingering_ = true;
  asio::error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) return CloseNow();
  linger_timer_ = loop_.After(absl::Seconds(1), [this] { CloseNow(); });
  StartRead();
}

}  // namespace pintle::net

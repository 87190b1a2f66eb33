#include "tests/net/test_support.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace pintle::net {

// ---- ManualExecutor ----

class ManualExecutor::ManualTimer final : public Executor::Timer {
 public:
  ManualTimer(std::list<Entry>& timers, std::list<Entry>::iterator at) : timers_(timers), at_(at) {}
  ~ManualTimer() override {
    for (auto entry = timers_.begin(); entry != timers_.end(); ++entry) {
      if (entry == at_) {
        timers_.erase(entry);
        return;
      }
    }
  }

 private:
  std::list<Entry>& timers_;
  std::list<Entry>::iterator at_;
};

std::unique_ptr<Executor::Timer> ManualExecutor::After(absl::Duration delay,
                                                       absl::AnyInvocable<void()> work) {
  timers_.push_back({now_ + delay, std::move(work)});
  return std::make_unique<ManualTimer>(timers_, std::prev(timers_.end()));
}

void ManualExecutor::RunPosted() {
  while (!posted_.empty()) {
    absl::AnyInvocable<void()> work = std::move(posted_.front());
    posted_.pop_front();
    work();
  }
}

void ManualExecutor::Advance(absl::Duration by) {
  now_ += by;
  while (true) {
    const auto due = std::find_if(timers_.begin(), timers_.end(),
                                  [this](const Entry& e) { return e.at <= now_; });
    if (due == timers_.end()) return;
    std::list<Entry> firing;
    firing.splice(firing.begin(), timers_, due);
    firing.front().work();
  }
}

// ---- FakeHost ----

std::string FakeHost::Exchange(Session& session, std::string_view bytes) {
  session.Receive(bytes);
  flush_requested_ = true;
  return Flush(session);
}

std::string FakeHost::Flush(Session& session) {
  std::string out;
  while (flush_requested_) {
    flush_requested_ = false;
    std::string piece;
    do {
      piece.clear();
      session.Produce(piece, 64 * 1024);
      out += piece;
    } while (!piece.empty());
    manual.RunPosted();
  }
  return out;
}

// ---- frames ----

std::string Fixed32(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

std::string Frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = Fixed32(static_cast<uint32_t>(payload.size())).substr(1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  out += Fixed32(stream);
  out += payload;
  return out;
}

namespace {

std::string HpackString(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out.push_back(static_cast<char>(text.size()));
  } else {
    out.push_back(127);
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest >>= 7) out.push_back(static_cast<char>(rest % 128 + 128));
    out.push_back(static_cast<char>(rest));
  }
  out += text;
  return out;
}

}  // namespace

std::string Field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + HpackString(name) + HpackString(value);
}

std::string GrpcHead(std::string_view path, std::string_view more_fields) {
  return Field(":method", "POST") + Field(":scheme", "http") + Field(":path", path) +
         Field(":authority", "x") + Field("content-type", "application/grpc") +
         Field("te", "trailers") + std::string(more_fields);
}

std::string GrpcMessage(std::string_view message) {
  return std::string(1, '\0') + Fixed32(static_cast<uint32_t>(message.size())) +
         std::string(message);
}

std::string Hello() { return std::string(kPreface) + Frame(kSettingsFrame, 0, 0, ""); }

std::string UnaryCall(uint32_t stream, std::string_view path, std::string_view message,
                      std::string_view more_fields) {
  return Frame(kHeadersFrame, kEndHeaders, stream, GrpcHead(path, more_fields)) +
         Frame(kDataFrame, kEndStream, stream, GrpcMessage(message));
}

std::vector<ReceivedFrame> TakeFrames(std::string& bytes) {
  std::vector<ReceivedFrame> frames;
  size_t at = 0;
  const auto byte = [&bytes](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  while (bytes.size() - at >= 9) {
    const size_t length = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    if (bytes.size() - at < 9 + length) break;
    ReceivedFrame frame;
    frame.type = static_cast<uint8_t>(byte(at + 3));
    frame.flags = static_cast<uint8_t>(byte(at + 4));
    frame.stream = byte(at + 5) << 24 | byte(at + 6) << 16 | byte(at + 7) << 8 | byte(at + 8);
    frame.payload = bytes.substr(at + 9, length);
    frames.push_back(std::move(frame));
    at += 9 + length;
  }
  bytes.erase(0, at);
  return frames;
}

std::vector<ReceivedFrame> Select(const std::vector<ReceivedFrame>& frames, FrameType type,
                                  uint32_t stream) {
  std::vector<ReceivedFrame> selected;
  for (const ReceivedFrame& frame : frames) {
    if (frame.type == type && frame.stream == stream) selected.push_back(frame);
  }
  return selected;
}

uint32_t ErrorCode(const ReceivedFrame& frame) {
  const size_t at = frame.type == kGoawayFrame ? 4 : 0;
  uint32_t code = 0;
  for (size_t i = at; i < at + 4; ++i)
    code = code << 8 | static_cast<unsigned char>(frame.payload.at(i));
  return code;
}

struct HeaderDecoder::Impl {
  nghttp2_hd_inflater* inflater = nullptr;
};

HeaderDecoder::HeaderDecoder() : impl_(std::make_unique<Impl>()) {
  nghttp2_hd_inflate_new(&impl_->inflater);
}

HeaderDecoder::~HeaderDecoder() { nghttp2_hd_inflate_del(impl_->inflater); }

Headers HeaderDecoder::Decode(std::string_view block) {
  Headers headers;
  const auto* at = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(impl_->inflater, &field, &flags, at, left, 1);
    if (used < 0) break;
    at += used;
    left -= static_cast<size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      headers.Add(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                  std::string(reinterpret_cast<char*>(field.value), field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(impl_->inflater);
      break;
    }
  }
  return headers;
}

// ---- RawSocket ----

RawSocket::RawSocket(uint16_t port, int receive_buffer_bytes) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (receive_buffer_bytes > 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

RawSocket::~RawSocket() { Close(); }

void RawSocket::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawSocket::EndSending() { ::shutdown(fd_, SHUT_WR); }

std::string RawSocket::ReadSome() {
  char buffer[16384];
  const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
  return count <= 0 ? std::string() : std::string(buffer, static_cast<size_t>(count));
}

std::string RawSocket::ReadUntil(std::string_view marker) {
  std::string all;
  while (all.find(marker) == std::string::npos) {
    const std::string piece = ReadSome();
    if (piece.empty()) break;
    all += piece;
  }
  return all;
}

std::string RawSocket::ReadToEnd() {
  std::string all;
  for (std::string piece = ReadSome(); !piece.empty(); piece = ReadSome()) all += piece;
  return all;
}

bool RawSocket::AtEnd() {
  char buffer[16384];
  while (true) {
    const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (count == 0) return true;
    if (count < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
  }
}

std::vector<ReceivedFrame> RawSocket::ReadFrames(
    const std::function<bool(const ReceivedFrame&)>& last) {
  std::vector<ReceivedFrame> all;
  while (true) {
    for (ReceivedFrame& frame : TakeFrames(frame_bytes_)) all.push_back(std::move(frame));
    if (std::any_of(all.begin(), all.end(), last)) return all;
    const std::string piece = ReadSome();
    if (piece.empty()) return all;
    frame_bytes_ += piece;
  }
}

// ---- TestServer ----

void EchoHandler(HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
  Headers headers;
  headers.Add("content-type", "text/plain");
  exchange->Respond(200, std::move(headers),
                    request.method + " " + request.path + " " + request.query + " " +
                        std::to_string(request.body.size()));
}

TestServer::TestServer(ServerOptions options, std::function<void(GrpcRouter&)> add_methods,
                       LambdaHandler::Function http, uint16_t port, int threads)
    : threads_(threads), http_(std::move(http)) {
  router_.Unary("/t.T/Echo", [](std::string request, std::shared_ptr<GrpcCall> call) {
    call->Reply(std::move(request));
  });
  router_.Stream("/t.T/Chat", [](std::shared_ptr<GrpcCall> call) {
    auto stream = std::make_unique<LambdaStream>();
    stream->on_message = [call](std::string message) { call->Send(std::move(message)); };
    stream->on_half_close = [call] { call->Finish(absl::OkStatus()); };
    return stream;
  });
  if (add_methods) add_methods(router_);
  server_ = std::make_unique<Server>(threads_, options, &router_, http_);
  const absl::StatusOr<uint16_t> listening = server_->Listen("127.0.0.1", port);
  EXPECT_TRUE(listening.ok()) << listening.status();
  port_ = listening.value_or(0);
}

void RunOn(Executor& executor, absl::AnyInvocable<void()> work) {
  Notification finished;
  executor.Post([&work, &finished] {
    work();
    finished.Notify();
  });
  finished.WaitForNotification();
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

}  // namespace pintle::net

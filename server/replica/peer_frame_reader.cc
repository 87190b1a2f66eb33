#include "server/replica/peer_frame_reader.h"

#include <algorithm>
#include <asio/buffer.hpp>
#include <cstring>
#include <utility>

#include "server/replica/peer_http.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kUsualBytes = size_t{64} << 10;
constexpr size_t kKeptBytes = size_t{1} << 20;

// Whom one meets by a wrong URL.
std::string ReasonAgainst(std::string_view bytes, std::string_view otherwise) {
  if (bytes.starts_with("HTTP/") || IsHttpRequest(bytes)) return kHttpReason;
  if (bytes.starts_with("\x16\x03")) {
    return "TLS is spoken there: is a peer URL http that should be https?";
  }
  return std::string(otherwise);
}

}  // namespace

void PeerFrameReader::Start(std::shared_ptr<void> keep, size_t limit, Callbacks callbacks) {
  limit_ = limit;
  callbacks_ = std::move(callbacks);
  buffer_.resize(kUsualBytes);
  begin_ = end_ = 0;
  Read(std::move(keep));
}

void PeerFrameReader::Read(std::shared_ptr<void> keep) {
  stream_.async_read_some(
      asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
      [this, keep = std::move(keep)](const asio::error_code& error, size_t count) {
        if (error == asio::error::operation_aborted) return;
        if (error) return callbacks_.on_end(stream_.Explain(error), false);
        end_ += count;
        if (TakeFrames()) Read(keep);
      });
}

bool PeerFrameReader::TakeFrames() {
  for (;;) {
    Frame frame;
    const auto bytes = std::string_view(buffer_).substr(begin_, end_ - begin_);
    switch (TakeFrame(bytes, limit_, frame)) {
      case FrameCheck::kIncomplete:
        MakeRoom(frame.size);
        return true;
      case FrameCheck::kTooLarge:  // as the first four letters of every method of HTTP are
        if (TakesHttp(bytes)) {
          if (!callbacks_.on_http(bytes)) return false;
          MakeRoom(0);
          return true;
        }
        callbacks_.on_end(ReasonAgainst(bytes, "a frame is too large"), true);
        return false;
      case FrameCheck::kDamaged:
        callbacks_.on_end(ReasonAgainst(bytes, "a frame's checksum is wrong"), true);
        return false;
      case FrameCheck::kWhole:
        framed_ = true;
        begin_ += frame.size;
        if (!callbacks_.on_frame(frame)) return false;
    }
  }
}

bool PeerFrameReader::TakesHttp(std::string_view bytes) const {
  return callbacks_.on_http != nullptr && !framed_ && IsHttpRequest(bytes);
}

void PeerFrameReader::MakeRoom(size_t frame_size) {
  const size_t held = end_ - begin_;
  if (held == 0 && buffer_.size() > kKeptBytes) {
    buffer_ = std::string(kUsualBytes, '\0');
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
  if (end_ < buffer_.size()) return;
  buffer_.resize(std::max(std::min(buffer_.size() * 2, frame_size), end_ + kUsualBytes));
}

}  // namespace pintle::server::replica

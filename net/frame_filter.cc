#include "net/frame_filter.h"

#include <algorithm>
#include <cstring>

namespace pintle::net {

bool FrameFilter::DropsFrame(const unsigned char* header) {
  constexpr unsigned char kHeaders = 1;
  constexpr unsigned char kRstStream = 3;
  payload_left_ = size_t{header[0]} << 16 | size_t{header[1]} << 8 | header[2];
  const uint32_t stream = (uint32_t{header[5]} << 24 | uint32_t{header[6]} << 16 |
                           uint32_t{header[7]} << 8 | header[8]) &
                          0x7fffffff;
  if (header[3] == kHeaders) last_opened_stream_ = std::max(last_opened_stream_, stream);
  return header[3] == kRstStream && payload_left_ == 4 && stream % 2 == 1 &&
         stream > last_opened_stream_;
}

bool FrameFilter::Feed(std::string_view bytes, absl::FunctionRef<bool(std::string_view)> sink) {
  size_t start = 0;  // of the run that is to be passed on
  size_t at = std::min(preface_left_, bytes.size());
  preface_left_ -= at;
  while (at < bytes.size()) {
    if (payload_left_ > 0) {
      const size_t count = std::min(payload_left_, bytes.size() - at);
      at += count;
      payload_left_ -= count;
      if (dropping_) start = at;
      continue;
    }
    dropping_ = false;
    if (header_bytes_ == 0 && bytes.size() - at >= kHeaderBytes) {
      const size_t header_at = at;
      at += kHeaderBytes;
      if (DropsFrame(reinterpret_cast<const unsigned char*>(bytes.data()) + header_at)) {
        if (header_at > start && !sink(bytes.substr(start, header_at - start))) return false;
        dropping_ = true;
        start = at;
      }
      continue;
    }
    // The header is split: pass on what lies before it, then decide when it is whole.
    if (at > start && !sink(bytes.substr(start, at - start))) return false;
    const size_t count = std::min(kHeaderBytes - header_bytes_, bytes.size() - at);
    std::memcpy(header_ + header_bytes_, bytes.data() + at, count);
    header_bytes_ += count;
    at += count;
    start = at;
    if (header_bytes_ < kHeaderBytes) return true;
    header_bytes_ = 0;
    dropping_ = DropsFrame(header_);
    const std::string_view whole(reinterpret_cast<const char*>(header_), kHeaderBytes);
    if (!dropping_ && !sink(whole)) return false;
  }
  return start >= at || sink(bytes.substr(start, at - start));
}

}  // namespace pintle::net

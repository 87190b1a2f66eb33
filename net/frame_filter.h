// FrameFilter: takes RST_STREAM frames for idle streams out of an HTTP/2 byte stream.
//
// Why: gRPC's C-core clients (Python, C++, Ruby; grpc issue 19655) reset a call that was cancelled
// before its HEADERS left. RFC 9113 §5.1 asks for a connection error, and nghttp2 raises it, which
// would end every watch on the connection for one honest cancel; etcd's grpc-go tolerates it, so
// clients rely on that. Dropping the frame is what grpc-go does. Source: RFC 9113 §4.1 (frame
// header), §6.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace pintle::net {

class FrameFilter {
 public:
  // Passes `bytes` on to `sink` in order, without the frames to drop. False: the sink returned
  // false.
  bool Feed(std::string_view bytes, absl::FunctionRef<bool(std::string_view)> sink);

 private:
  static constexpr size_t kHeaderBytes = 9;

  bool DropsFrame(const unsigned char* header);  // also notes length and stream of the frame

  size_t preface_left_ = 24;  // the client's magic comes before the first frame
  unsigned char header_[kHeaderBytes];
  size_t header_bytes_ = 0;  // collected of a header that was split between two reads
  size_t payload_left_ = 0;
  bool dropping_ = false;
  uint32_t last_opened_stream_ = 0;
};

}  // namespace pintle::net

// Header fields as nghttp2 takes them. Private to net/.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string_view>

namespace pintle::net {

// Copied by nghttp2 when submitted.
inline nghttp2_nv MakeField(std::string_view name, std::string_view value,
                            uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          flags};
}

// Not copied: literals, and what lives until the frame has left.
inline nghttp2_nv MakeStaticField(std::string_view name, std::string_view value) {
  return MakeField(name, value, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
}

}  // namespace pintle::net

// Hash64: XXH3, 64 bits. For telling content apart that nobody falsifies on purpose: hash chains,
// checksums of large content. The value is part of file formats and of what members compare.
#pragma once

#include <cstdint>
#include <string_view>

namespace pintle::base {

uint64_t Hash64(std::string_view bytes, uint64_t seed);

}  // namespace pintle::base

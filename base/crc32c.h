// CRC-32C (Castagnoli), as in iSCSI: the checksum of our log and of the peers' frames.
//
// Extend(0, bytes) is the checksum of bytes; Extend(Extend(0, a), b) that of a and b behind each
// other. Uses the processor's instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace pintle::base {

uint32_t ExtendCrc32c(uint32_t crc, std::string_view bytes);

inline uint32_t Crc32c(std::string_view bytes) { return ExtendCrc32c(0, bytes); }

}  // namespace pintle::base

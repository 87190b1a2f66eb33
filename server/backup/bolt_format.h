// The pages of a bbolt file, as both its writer and its reader see them (docs/formats/backup.md).
// Constants and pure functions. Source: bbolt's page.go and bucket.go describe the same layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pintle::server::backup {

// All integers are little-endian.
inline constexpr size_t kBoltPageBytes = 4096;
// Head of a page: id (8), flags (2), count of elements (2), further pages that belong to it (4).
inline constexpr size_t kPageHeadBytes = 16;
// Element of a leaf: flags (4), offset of the key from the element (4), sizes of key and value (4,
// 4). Element of a branch: offset of the key (4), its size (4), page (8).
inline constexpr size_t kElementBytes = 16;
// What a bucket's name stands for in its parent: root page (8), sequence (8).
inline constexpr size_t kBucketHeadBytes = 16;
// In meta pages, behind the head: magic, version, page size, flags (4 each), root bucket, free
// list's page, first page that is not used, transaction (8 each), checksum (8).
inline constexpr size_t kMetaBytes = 64;
inline constexpr size_t kMetaChecksumOffset = 56;

inline constexpr uint16_t kBranchPage = 0x01;
inline constexpr uint16_t kLeafPage = 0x02;
inline constexpr uint16_t kMetaPage = 0x04;
inline constexpr uint16_t kFreeListPage = 0x10;
inline constexpr uint32_t kBucketElement = 0x01;

inline constexpr uint32_t kBoltMagic = 0xED0CDAED;
inline constexpr uint32_t kBoltVersion = 2;
inline constexpr size_t kMaxBoltKeyBytes = 32768;

struct BoltMeta {
  uint64_t root = 0;       // page of the root bucket
  uint64_t free_list = 0;  // its page
  uint64_t pages = 0;      // of the whole file
  uint64_t transaction = 0;
};

// FNV-1a, 64 bits.
inline uint64_t BoltChecksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3;
  }
  return hash;
}

std::string PageHead(uint64_t id, uint16_t flags, uint16_t count, uint32_t overflow);
// The kMetaBytes bytes behind the page's head.
std::string EncodeMeta(const BoltMeta& meta);

}  // namespace pintle::server::backup

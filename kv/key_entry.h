// KeyEntry: everything the key index knows of one key. Immutable once in the tree.
//
// One allocation per key: the newest version's fields and the key's bytes. Older versions, which
// most keys do not have, are an array of their own that successive entries of one key share: a
// writer only appends behind what older entries can see, so readers of old roots need no lock and
// no copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kv/types.h"

namespace pintle::kv {

// A version of a key that is not its newest.
struct OldVersion {
  int64_t main = 0;
  uint32_t sub = 0;
  uint32_t tombstone : 1 = 0;
  uint32_t record_bytes : 31 = 0;  // of the stored pair: requests are far below 2 GB
};

struct OldVersions {
  uint32_t capacity;
  OldVersion items[1];  // `capacity` of them

  static OldVersions* New(uint32_t capacity);
  static void Free(void* versions);
  size_t bytes() const { return sizeof(OldVersions) + capacity * sizeof(OldVersion); }
};

struct KeyEntry {
  int64_t mod_revision = 0;
  int64_t create_revision = 0;  // 0 in a tombstone, as are version and lease
  int64_t version = 0;
  LeaseId lease;
  OldVersions* older = nullptr;
  uint32_t older_count = 0;  // how many of older->items are this entry's past
  uint32_t sub = 0;
  uint32_t record_bytes = 0;
  uint32_t key_size = 0;
  char key_bytes[1];

  // The caller fills in the rest.
  static KeyEntry* New(std::string_view key);
  static void Free(void* entry);

  std::string_view key() const { return {key_bytes, key_size}; }
  bool tombstone() const { return version == 0; }
  bool live() const { return !tombstone(); }
  bool dirty() const { return older_count > 0 || tombstone(); }
  size_t bytes() const { return sizeof(KeyEntry) + key_size; }

  Revision revision() const { return {mod_revision, sub}; }
  // This version, as the next entry's past.
  OldVersion AsOld() const {
    return {.main = mod_revision,
            .sub = sub,
            .tombstone = tombstone() ? 1u : 0u,
            .record_bytes = record_bytes & 0x7fffffffu};
  }

  // The pair that a reader at revision `main` sees; nothing when there was none.
  std::optional<Revision> LiveAt(int64_t main) const;

  // How many of the old versions have a revision <= main.
  uint32_t OldUpTo(int64_t main) const;
};

}  // namespace pintle::kv

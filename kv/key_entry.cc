#include "kv/key_entry.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"

namespace pintle::kv {

OldVersions* OldVersions::New(uint32_t capacity) {
  void* memory = std::malloc(sizeof(OldVersions) + capacity * sizeof(OldVersion));
  PINTLE_CHECK(memory != nullptr, "out of memory");
  auto* versions = new (memory) OldVersions;
  versions->capacity = capacity;
  return versions;
}

void OldVersions::Free(void* versions) { std::free(versions); }

KeyEntry* KeyEntry::New(std::string_view key) {
  // The key begins in what would be padding.
  void* memory =
      std::malloc(std::max(sizeof(KeyEntry), offsetof(KeyEntry, key_bytes) + key.size()));
  PINTLE_CHECK(memory != nullptr, "out of memory");
  auto* entry = new (memory) KeyEntry;
  entry->key_size = static_cast<uint32_t>(key.size());
  std::memcpy(entry->key_bytes, key.data(), key.size());
  return entry;
}

void KeyEntry::Free(void* entry) { std::free(entry); }

uint32_t KeyEntry::OldUpTo(int64_t main) const {
  if (older_count == 0) return 0;
  const OldVersion* begin = older->items;
  const OldVersion* end = begin + older_count;
  return static_cast<uint32_t>(
      std::upper_bound(begin, end, main,
                       [](int64_t value, const OldVersion& old) { return value < old.main; }) -
      begin);
}

std::optional<Revision> KeyEntry::LiveAt(int64_t main) const {
  if (mod_revision <= main) {
    if (tombstone()) return std::nullopt;
    return revision();
  }
  const uint32_t count = OldUpTo(main);
  if (count == 0 || older->items[count - 1].tombstone) return std::nullopt;
  return Revision{older->items[count - 1].main, older->items[count - 1].sub};
}

}  // namespace pintle::kv

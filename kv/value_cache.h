// ValueCache: recently used encoded pairs, by revision, within a budget of bytes.
//
// Any thread. Sixteen shards, each a CLOCK (second chance) ring: a hit costs one hash lookup and
// sets a bit. What is put in is never changed, so a pair handed out stays valid when its slot is
// evicted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kv/guarded.h"
#include "kv/types.h"

namespace pintle::kv {

class ValueCache {
 public:
  explicit ValueCache(size_t budget_bytes);

  void Put(Revision revision, EncodedKeyValue pair);
  EncodedKeyValue Get(Revision revision);  // null: not here
  void Erase(Revision revision);
  size_t bytes() const;

 private:
  struct Slot {
    Revision revision;
    EncodedKeyValue pair;  // null: free
    bool used = false;     // since the hand last passed
  };
  struct Shard {
    void Evict(size_t slot);
    void MakeRoom(size_t budget);

    absl::flat_hash_map<uint64_t, uint32_t> slot_of;
    std::vector<Slot> slots;
    std::vector<uint32_t> free;
    size_t hand = 0;
    size_t bytes = 0;
  };
  static constexpr size_t kShards = 16;

  Guarded<Shard>& ShardOf(Revision revision);

  const size_t shard_budget_;
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace pintle::kv

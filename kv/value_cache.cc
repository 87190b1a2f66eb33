#include "kv/value_cache.h"

#include <utility>

namespace pintle::kv {
namespace {

// Slot, hash entry, string and control block of one pair, with malloc's share.
constexpr size_t kOverheadBytes = 160;

size_t CostOf(const EncodedKeyValue& pair) { return pair->size() + kOverheadBytes; }

// Both halves in one word. Two revisions that collide (more than 2^20 changes in one request) evict
// each other: Get compares the whole revision.
uint64_t KeyOf(Revision revision) {
  return (static_cast<uint64_t>(revision.main) << 20) ^ static_cast<uint64_t>(revision.sub);
}

}  // namespace

ValueCache::ValueCache(size_t budget_bytes) : shard_budget_(budget_bytes / kShards) {}

Guarded<ValueCache::Shard>& ValueCache::ShardOf(Revision revision) {
  return shards_[static_cast<size_t>(revision.main + revision.sub) % kShards];
}

void ValueCache::Shard::Evict(size_t slot) {
  Slot& victim = slots[slot];
  bytes -= CostOf(victim.pair);
  slot_of.erase(KeyOf(victim.revision));
  victim = {};
  free.push_back(static_cast<uint32_t>(slot));
}

void ValueCache::Shard::MakeRoom(size_t budget) {
  while (bytes > budget && !slots.empty()) {
    hand = (hand + 1) % slots.size();
    Slot& slot = slots[hand];
    if (slot.pair == nullptr) continue;
    if (std::exchange(slot.used, false)) continue;
    Evict(hand);
  }
}

void ValueCache::Put(Revision revision, EncodedKeyValue pair) {
  const size_t cost = CostOf(pair);
  if (cost > shard_budget_) return;
  ShardOf(revision).With([&](Shard& shard) {
    if (auto it = shard.slot_of.find(KeyOf(revision)); it != shard.slot_of.end()) {
      shard.Evict(it->second);
    }
    shard.MakeRoom(shard_budget_ - cost);
    uint32_t slot = 0;
    if (shard.free.empty()) {
      slot = static_cast<uint32_t>(shard.slots.size());
      shard.slots.emplace_back();
    } else {
      slot = shard.free.back();
      shard.free.pop_back();
    }
    shard.slots[slot] = {revision, std::move(pair), false};
    shard.slot_of[KeyOf(revision)] = slot;
    shard.bytes += cost;
  });
}

EncodedKeyValue ValueCache::Get(Revision revision) {
  return ShardOf(revision).With([&](Shard& shard) -> EncodedKeyValue {
    auto it = shard.slot_of.find(KeyOf(revision));
    if (it == shard.slot_of.end()) return nullptr;
    Slot& slot = shard.slots[it->second];
    if (slot.revision != revision) return nullptr;
    slot.used = true;
    return slot.pair;
  });
}

void ValueCache::Erase(Revision revision) {
  ShardOf(revision).With([&](Shard& shard) {
    auto it = shard.slot_of.find(KeyOf(revision));
    if (it != shard.slot_of.end() && shard.slots[it->second].revision == revision) {
      shard.Evict(it->second);
    }
  });
}

size_t ValueCache::bytes() const {
  size_t sum = 0;
  for (const auto& shard : shards_) {
    sum += shard.With([](const Shard& s) { return s.bytes; });
  }
  return sum;
}

}  // namespace pintle::kv

// CowTree: an ordered map by bytes, as a copy-on-write B+tree with counts.
//
// One writer; any number of readers of older roots, without locks. Entries are immutable and owned
// by the tree; changing one means putting another in its place. Nodes made since the last
// publication are changed in place, older ones are copied (Reclaimer frees them when their last
// reader is gone).
//
// Every subtree knows how many of its entries are live (readable now) and how many are dirty (carry
// something that a compaction could remove), so that counting an interval is O(log n) and walks
// skip what they need not see.
//
// Entry: `std::string_view key() const`, `bool live() const`, `bool dirty() const`, `size_t bytes()
// const`, `static void Free(void*)`.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "kv/reclaimer.h"

namespace pintle::kv {

// [first, last), or [first, end of the keys) when `unbounded`.
struct KeyBounds {
  std::string_view first;
  std::string_view last;
  bool unbounded = true;

  bool empty() const { return !unbounded && last <= first; }
};

enum class Visiting { kAll, kLive, kDirty };

template <typename Entry>
class CowTree {
 public:
  static constexpr int kLeafSize = 64;
  static constexpr int kInnerSize = 32;

  struct Node {
    uint64_t epoch = 0;
    int32_t size = 0;
    bool leaf = false;
  };

  explicit CowTree(Reclaimer& reclaimer) : reclaimer_(reclaimer), root_(NewLeaf()) {}
  CowTree(const CowTree&) = delete;
  CowTree& operator=(const CowTree&) = delete;
  // What readers still hold stays with them; the rest goes with the reclaimer.
  ~CowTree() { RetireAll(root_); }

  // Valid until the next change; for as long as a Pin taken after the last change is held.
  const Node* root() const { return root_; }

  // Puts `entry` (owned from now on) in the place of its key.
  void Put(Entry* entry) {
    Split split;
    root_ = PutIn(root_, entry, split);
    if (split.right == nullptr) return;
    Inner* top = NewInner();
    top->size = 2;
    top->children[0] = Describe(root_, nullptr);
    top->children[1] = Describe(split.right, split.bound);
    root_ = top;
  }

  // False when there is no such key.
  bool Erase(std::string_view key) {
    if (Find(root_, key) == nullptr) return false;
    root_ = EraseIn(root_, key);
    while (!root_->leaf && root_->size <= 1) {
      Node* only = root_->size == 1 ? AsInner(root_)->children[0].node : NewLeaf();
      RetireNode(root_);
      root_ = only;
    }
    return true;
  }

  static const Entry* Find(const Node* node, std::string_view key) {
    while (!node->leaf) node = AsInner(node)->children[ChildFor(AsInner(node), key)].node;
    const Leaf* leaf = AsLeaf(node);
    const int at = FindInLeaf(leaf, key);
    return at < 0 ? nullptr : leaf->entries[at];
  }

  static int64_t CountLive(const Node* root, const KeyBounds& bounds) {
    if (bounds.empty()) return 0;
    const int64_t end = bounds.unbounded ? Sum(root).live : Rank(root, bounds.last);
    return end - Rank(root, bounds.first);
  }

  // Calls `visit(const Entry&)` in key order until it returns false; false when it did.
  template <Visiting kWhich, typename Visit>
  static bool Walk(const Node* root, const KeyBounds& bounds, Visit&& visit) {
    if (bounds.empty()) return true;
    return WalkIn<kWhich>(root, bounds, /*check_first=*/true, visit);
  }

  // Ends the process when the tree is not one: for tests.
  static void CheckInvariants(const Node* root) { CheckNode(root, {}, {}, false); }

 private:
  struct Separator {
    uint32_t size;
    char bytes[1];
    std::string_view key() const { return {bytes, size}; }
  };
  struct Counts {
    uint32_t live = 0;
    uint32_t dirty = 0;
  };
  // `bound` is <= every key of the subtree and > every key before it; null (below everything) for
  // the first child.
  struct Child {
    Node* node = nullptr;
    Separator* bound = nullptr;
    Counts counts;
  };
  struct Leaf : Node {
    uint64_t live = 0;   // bit i: entries[i] is live
    uint64_t dirty = 0;  // bit i: entries[i] is dirty
    // A byte of each key's hash: looking for one key touches one entry, where a binary search would
    // touch six, each of them out of the processor's cache.
    alignas(8) uint8_t prints[kLeafSize] = {};
    Entry* entries[kLeafSize];
  };
  struct Inner : Node {
    Child children[kInnerSize];
  };
  struct Split {
    Node* right = nullptr;
    Separator* bound = nullptr;
  };
  static_assert(kLeafSize == 64, "the masks are one word");

  static const Leaf* AsLeaf(const Node* node) { return static_cast<const Leaf*>(node); }
  static Leaf* AsLeaf(Node* node) { return static_cast<Leaf*>(node); }
  static const Inner* AsInner(const Node* node) { return static_cast<const Inner*>(node); }
  static Inner* AsInner(Node* node) { return static_cast<Inner*>(node); }

  // ---- reading

  static int LowerBound(const Leaf* leaf, std::string_view key) {
    int low = 0;
    int high = leaf->size;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (leaf->entries[middle]->key() < key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  static uint8_t PrintOf(std::string_view key) {
    uint64_t hash = key.size();
    while (key.size() >= sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, key.data(), sizeof(word));
      hash = (hash ^ word) * 0x9e3779b97f4a7c15;
      key.remove_prefix(sizeof(word));
    }
    for (const char byte : key) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x9e3779b97f4a7c15;
    return static_cast<uint8_t>(hash >> 56);
  }

  // Where exactly this key is; -1: it is not here.
  static int FindInLeaf(const Leaf* leaf, std::string_view key) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    const uint64_t wanted = PrintOf(key) * kOnes;
    for (int base = 0; base < leaf->size; base += 8) {
      uint64_t word;
      std::memcpy(&word, leaf->prints + base, sizeof(word));
      word ^= wanted;
      // The high bit of every byte that is zero; now and then of one more, which the comparison
      // sorts out.
      for (uint64_t hits = (word - kOnes) & ~word & (kOnes << 7); hits != 0; hits &= hits - 1) {
        const int at = base + std::countr_zero(hits) / 8;
        if (at < leaf->size && leaf->entries[at]->key() == key) return at;
      }
    }
    return -1;
  }

  // The child whose subtree is the place of `key`.
  static int ChildFor(const Inner* inner, std::string_view key) {
    int low = 1;
    int high = inner->size;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (inner->children[middle].bound->key() <= key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  static Counts Sum(const Node* node) {
    Counts sum;
    if (node->leaf) {
      sum.live = static_cast<uint32_t>(std::popcount(AsLeaf(node)->live));
      sum.dirty = static_cast<uint32_t>(std::popcount(AsLeaf(node)->dirty));
      return sum;
    }
    for (int i = 0; i < node->size; ++i) {
      sum.live += AsInner(node)->children[i].counts.live;
      sum.dirty += AsInner(node)->children[i].counts.dirty;
    }
    return sum;
  }

  static uint64_t Below(int bit) { return bit >= 64 ? ~uint64_t{0} : (uint64_t{1} << bit) - 1; }

  // Live entries with a key < `key`.
  static int64_t Rank(const Node* node, std::string_view key) {
    int64_t rank = 0;
    while (!node->leaf) {
      const Inner* inner = AsInner(node);
      const int at = ChildFor(inner, key);
      for (int i = 0; i < at; ++i) rank += inner->children[i].counts.live;
      node = inner->children[at].node;
    }
    const Leaf* leaf = AsLeaf(node);
    return rank + std::popcount(leaf->live & Below(LowerBound(leaf, key)));
  }

  template <Visiting kWhich, typename Visit>
  static bool WalkIn(const Node* node, const KeyBounds& bounds, bool check_first, Visit&& visit) {
    if (node->leaf) return WalkLeaf<kWhich>(AsLeaf(node), bounds, check_first, visit);
    const Inner* inner = AsInner(node);
    const int start = check_first ? ChildFor(inner, bounds.first) : 0;
    for (int i = start; i < inner->size; ++i) {
      const Child& child = inner->children[i];
      if (!bounds.unbounded && child.bound != nullptr && child.bound->key() >= bounds.last) break;
      if (kWhich == Visiting::kLive && child.counts.live == 0) continue;
      if (kWhich == Visiting::kDirty && child.counts.dirty == 0) continue;
      if (!WalkIn<kWhich>(child.node, bounds, check_first && i == start, visit)) return false;
    }
    return true;
  }

  template <Visiting kWhich, typename Visit>
  static bool WalkLeaf(const Leaf* leaf, const KeyBounds& bounds, bool check_first, Visit&& visit) {
    uint64_t mask = Below(leaf->size);
    if (kWhich == Visiting::kLive) mask = leaf->live;
    if (kWhich == Visiting::kDirty) mask = leaf->dirty;
    if (check_first) mask &= ~Below(LowerBound(leaf, bounds.first));
    if (!bounds.unbounded) mask &= Below(LowerBound(leaf, bounds.last));
    for (; mask != 0; mask &= mask - 1) {
      if (!visit(std::as_const(*leaf->entries[std::countr_zero(mask)]))) return false;
    }
    return true;
  }

  // ---- writing

  Leaf* NewLeaf() {
    auto* leaf = new Leaf;
    leaf->epoch = reclaimer_.epoch();
    leaf->leaf = true;
    return leaf;
  }
  Inner* NewInner() {
    auto* inner = new Inner;
    inner->epoch = reclaimer_.epoch();
    return inner;
  }
  static void FreeLeaf(void* leaf) { delete static_cast<Leaf*>(leaf); }
  static void FreeInner(void* inner) { delete static_cast<Inner*>(inner); }

  void RetireNode(Node* node) {
    if (node->leaf) {
      reclaimer_.Retire(AsLeaf(node), &FreeLeaf, sizeof(Leaf));
    } else {
      reclaimer_.Retire(AsInner(node), &FreeInner, sizeof(Inner));
    }
  }
  void RetireEntry(Entry* entry) { reclaimer_.Retire(entry, &Entry::Free, entry->bytes()); }
  void RetireBound(Separator* bound) {
    if (bound != nullptr) reclaimer_.Retire(bound, &std::free, sizeof(Separator) + bound->size);
  }

  // The node itself when no reader can see it, else a copy in its place.
  template <typename Kind>
  Kind* Own(Kind* node) {
    if (node->epoch == reclaimer_.epoch()) return node;
    auto* copy = new Kind(*node);
    copy->epoch = reclaimer_.epoch();
    RetireNode(node);
    return copy;
  }

  static Child Describe(Node* node, Separator* bound) { return {node, bound, Sum(node)}; }

  // The shortest bytes that are > `left` and <= `right`.
  static Separator* NewBound(std::string_view left, std::string_view right) {
    size_t size = 0;
    while (size < left.size() && left[size] == right[size]) ++size;
    ++size;
    auto* bound = static_cast<Separator*>(std::malloc(sizeof(Separator) + size));
    PINTLE_CHECK(bound != nullptr, "out of memory");
    bound->size = static_cast<uint32_t>(size);
    std::memcpy(bound->bytes, right.data(), size);
    return bound;
  }

  static void SetMasks(Leaf* leaf, int at) {
    const uint64_t bit = uint64_t{1} << at;
    const Entry* entry = leaf->entries[at];
    leaf->live = entry->live() ? leaf->live | bit : leaf->live & ~bit;
    leaf->dirty = entry->dirty() ? leaf->dirty | bit : leaf->dirty & ~bit;
  }

  static uint64_t OpenBit(uint64_t mask, int at) {
    return (mask & Below(at)) | ((mask & ~Below(at)) << 1);
  }
  static uint64_t CloseBit(uint64_t mask, int at) {
    return (mask & Below(at)) | ((mask >> 1) & ~Below(at));
  }

  static void InsertAt(Leaf* leaf, int at, Entry* entry) {
    std::memmove(leaf->entries + at + 1, leaf->entries + at,
                 sizeof(Entry*) * static_cast<size_t>(leaf->size - at));
    std::memmove(leaf->prints + at + 1, leaf->prints + at, static_cast<size_t>(leaf->size - at));
    leaf->entries[at] = entry;
    leaf->prints[at] = PrintOf(entry->key());
    ++leaf->size;
    leaf->live = OpenBit(leaf->live, at);
    leaf->dirty = OpenBit(leaf->dirty, at);
    SetMasks(leaf, at);
  }

  static void InsertAt(Inner* inner, int at, const Child& child) {
    for (int i = inner->size; i > at; --i) inner->children[i] = inner->children[i - 1];
    inner->children[at] = child;
    ++inner->size;
  }

  Node* PutIn(Node* node, Entry* entry, Split& split) {
    if (node->leaf) return PutInLeaf(Own(AsLeaf(node)), entry, split);
    Inner* inner = Own(AsInner(node));
    const int at = ChildFor(inner, entry->key());
    Child& child = inner->children[at];
    Split below;
    child = Describe(PutIn(child.node, entry, below), child.bound);
    if (below.right == nullptr) return inner;
    const Child added = Describe(below.right, below.bound);
    if (inner->size < kInnerSize) {
      InsertAt(inner, at + 1, added);
      return inner;
    }
    SplitInner(inner, at + 1, added, split);
    return inner;
  }

  Node* PutInLeaf(Leaf* leaf, Entry* entry, Split& split) {
    if (const int same = FindInLeaf(leaf, entry->key()); same >= 0) {
      RetireEntry(leaf->entries[same]);
      leaf->entries[same] = entry;
      SetMasks(leaf, same);
      return leaf;
    }
    const int at = LowerBound(leaf, entry->key());
    if (leaf->size < kLeafSize) {
      InsertAt(leaf, at, entry);
      return leaf;
    }
    // Keys that arrive in order leave full leaves behind.
    const int keep = at == kLeafSize ? kLeafSize : kLeafSize / 2;
    Leaf* right = NewLeaf();
    right->size = kLeafSize - keep;
    std::memcpy(right->entries, leaf->entries + keep,
                sizeof(Entry*) * static_cast<size_t>(right->size));
    std::memcpy(right->prints, leaf->prints + keep, static_cast<size_t>(right->size));
    right->live = keep == 64 ? 0 : leaf->live >> keep;
    right->dirty = keep == 64 ? 0 : leaf->dirty >> keep;
    leaf->size = keep;
    leaf->live &= Below(keep);
    leaf->dirty &= Below(keep);
    if (at > keep || right->size == 0) {
      InsertAt(right, at - keep, entry);
    } else {
      InsertAt(leaf, at, entry);
    }
    split.right = right;
    split.bound = NewBound(leaf->entries[leaf->size - 1]->key(), right->entries[0]->key());
    return leaf;
  }

  void SplitInner(Inner* inner, int at, const Child& added, Split& split) {
    const int keep = at == kInnerSize ? kInnerSize - 1 : kInnerSize / 2;
    Inner* right = NewInner();
    for (int i = keep; i < kInnerSize; ++i) right->children[right->size++] = inner->children[i];
    inner->size = keep;
    if (at > keep) {
      InsertAt(right, at - keep, added);
    } else {
      InsertAt(inner, at, added);
    }
    split.right = right;
    split.bound = std::exchange(right->children[0].bound, nullptr);
  }

  Node* EraseIn(Node* node, std::string_view key) {
    if (node->leaf) {
      Leaf* leaf = Own(AsLeaf(node));
      const int at = FindInLeaf(leaf, key);
      RetireEntry(leaf->entries[at]);
      std::memmove(leaf->entries + at, leaf->entries + at + 1,
                   sizeof(Entry*) * static_cast<size_t>(leaf->size - at - 1));
      std::memmove(leaf->prints + at, leaf->prints + at + 1,
                   static_cast<size_t>(leaf->size - at - 1));
      --leaf->size;
      leaf->live = CloseBit(leaf->live, at);
      leaf->dirty = CloseBit(leaf->dirty, at);
      return leaf;
    }
    Inner* inner = Own(AsInner(node));
    const int at = ChildFor(inner, key);
    Child& child = inner->children[at];
    child = Describe(EraseIn(child.node, key), child.bound);
    if (child.node->size == 0) {
      RetireNode(child.node);
      RetireBound(child.bound);
      RemoveChild(inner, at);
      if (inner->size > 0) RetireBound(std::exchange(inner->children[0].bound, nullptr));
    } else {
      MergeIfSmall(inner, at);
    }
    return inner;
  }

  static void RemoveChild(Inner* inner, int at) {
    for (int i = at; i + 1 < inner->size; ++i) inner->children[i] = inner->children[i + 1];
    --inner->size;
  }

  // A quarter full is small; the merged node is at most three quarters full, so that the next put
  // does not split it.
  void MergeIfSmall(Inner* inner, int at) {
    const int capacity = inner->children[at].node->leaf ? kLeafSize : kInnerSize;
    if (inner->children[at].node->size >= capacity / 4 || inner->size < 2) return;
    const int left_at = at > 0 ? at - 1 : 0;
    Child& left = inner->children[left_at];
    Child& right = inner->children[left_at + 1];
    if (left.node->size + right.node->size > capacity * 3 / 4) return;
    if (left.node->leaf) {
      Leaf* into = Own(AsLeaf(left.node));
      Leaf* from = AsLeaf(right.node);
      std::memcpy(into->entries + into->size, from->entries,
                  sizeof(Entry*) * static_cast<size_t>(from->size));
      std::memcpy(into->prints + into->size, from->prints, static_cast<size_t>(from->size));
      into->live |= from->live << into->size;
      into->dirty |= from->dirty << into->size;
      into->size += from->size;
      RetireBound(right.bound);
      left.node = into;
    } else {
      Inner* into = Own(AsInner(left.node));
      Inner* from = AsInner(right.node);
      for (int i = 0; i < from->size; ++i) {
        into->children[into->size] = from->children[i];
        if (i == 0) into->children[into->size].bound = right.bound;
        ++into->size;
      }
      left.node = into;
    }
    RetireNode(right.node);
    left = Describe(left.node, left.bound);
    RemoveChild(inner, left_at + 1);
  }

  void RetireAll(Node* node) {
    if (node->leaf) {
      for (int i = 0; i < node->size; ++i) RetireEntry(AsLeaf(node)->entries[i]);
    } else {
      for (int i = 0; i < node->size; ++i) {
        RetireBound(AsInner(node)->children[i].bound);
        RetireAll(AsInner(node)->children[i].node);
      }
    }
    RetireNode(node);
  }

  static void CheckNode(const Node* node, std::string_view first, std::string_view last,
                        bool bounded) {
    if (node->leaf) {
      const Leaf* leaf = AsLeaf(node);
      PINTLE_CHECK((leaf->live | leaf->dirty) <= Below(leaf->size), "mask beyond the leaf");
      for (int i = 0; i < leaf->size; ++i) {
        const Entry& entry = *leaf->entries[i];
        PINTLE_CHECK(entry.key() >= first && (!bounded || entry.key() < last), "key out of bounds");
        PINTLE_CHECK(i == 0 || leaf->entries[i - 1]->key() < entry.key(), "keys out of order");
        PINTLE_CHECK(leaf->prints[i] == PrintOf(entry.key()), "hash byte");
        PINTLE_CHECK(((leaf->live >> i) & 1) == (entry.live() ? 1u : 0u), "live bit");
        PINTLE_CHECK(((leaf->dirty >> i) & 1) == (entry.dirty() ? 1u : 0u), "dirty bit");
      }
      return;
    }
    const Inner* inner = AsInner(node);
    PINTLE_CHECK(inner->size > 0 && inner->children[0].bound == nullptr, "first child's bound");
    for (int i = 0; i < inner->size; ++i) {
      const Child& child = inner->children[i];
      const Counts sum = Sum(child.node);
      PINTLE_CHECK(sum.live == child.counts.live && sum.dirty == child.counts.dirty, "counts");
      PINTLE_CHECK(child.node->size > 0, "empty child");
      const bool has_next = i + 1 < inner->size;
      CheckNode(child.node, i == 0 ? first : child.bound->key(),
                has_next ? inner->children[i + 1].bound->key() : last, has_next || bounded);
    }
  }

  Reclaimer& reclaimer_;
  Node* root_;
};

}  // namespace pintle::kv

// KeyIndex: which revisions every key has, in key order. Apply thread; its roots are read anywhere
// (KeyTree's statics).
//
// Holds no values. A key stays as long as a version of it may be asked for: a deleted one until the
// compaction after.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kv/cow_tree.h"
#include "kv/key_entry.h"
#include "kv/types.h"

namespace pintle::kv {

using KeyTree = CowTree<KeyEntry>;

// Valid as long as `range` is; for a range that is not single().
KeyBounds BoundsOf(const KeyRange& range);

// Calls visit(const KeyEntry&) for keys of `range`, in order, until it returns false.
template <Visiting kWhich, typename Visit>
void WalkRange(const KeyTree::Node* root, const KeyRange& range, Visit&& visit) {
  if (!range.single()) {
    KeyTree::Walk<kWhich>(root, BoundsOf(range), visit);
    return;
  }
  const KeyEntry* entry = KeyTree::Find(root, range.key);
  if (entry == nullptr || (kWhich == Visiting::kLive && !entry->live())) return;
  visit(*entry);
}

int64_t CountLive(const KeyTree::Node* root, const KeyRange& range);

// The version of `key` that a reader just before revision `main` saw: Event::previous. {0,0} when
// there was none, or when compaction took that revision (etcd-api 1.2.2).
Revision PreviousOf(const KeyEntry* entry, int64_t main, int64_t compact_revision);

class KeyIndex {
 public:
  explicit KeyIndex(Reclaimer& reclaimer) : reclaimer_(reclaimer), tree_(reclaimer) {}
  ~KeyIndex();

  const KeyTree::Node* root() const { return tree_.root(); }
  const KeyEntry* Find(std::string_view key) const { return KeyTree::Find(tree_.root(), key); }

  // The newest version of `key` from now on. Revisions only grow.
  struct NewVersion {
    Revision revision;
    int64_t create_revision = 0;  // 0, with version 0: a tombstone
    int64_t version = 0;
    LeaseId lease;
    size_t record_bytes = 0;
  };
  // `current` is what Find(key) says.
  void Add(std::string_view key, const KeyEntry* current, const NewVersion& version);

  // Forgets what nobody can ask for once `compact_revision` is compacted: for every key all
  // versions but the newest one up to there, and that one as well when it is a tombstone older than
  // compact_revision itself. Walks dirty keys from `from` on, stopping once `limit` versions were
  // removed; `removed` is told of each. Returns the key to go on from, or false in `more`.
  struct Removed {
    Revision revision;
    bool tombstone = false;
    size_t record_bytes = 0;
  };
  struct Progress {
    std::string next;
    bool more = false;
  };
  Progress Compact(int64_t compact_revision, std::string_view from, int limit,
                   const std::function<void(const Removed&)>& removed);

 private:
  // At most `limit` versions of one key; false when that was not all.
  bool Trim(const KeyEntry& entry, int64_t compact_revision, uint32_t limit,
            const std::function<void(const Removed&)>& removed);
  OldVersions* Append(const KeyEntry& entry);
  void Retire(OldVersions* versions);

  Reclaimer& reclaimer_;
  KeyTree tree_;
};

}  // namespace pintle::kv

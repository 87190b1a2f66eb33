#include "kv/key_index.h"

#include <algorithm>
#include <vector>

#include "base/canary.h"
#include "base/check.h"

namespace pintle::kv {

KeyBounds BoundsOf(const KeyRange& range) {
  return {.first = range.key, .last = range.end, .unbounded = range.to_the_end()};
}

int64_t CountLive(const KeyTree::Node* root, const KeyRange& range) {
  if (!range.single()) return KeyTree::CountLive(root, BoundsOf(range));
  const KeyEntry* entry = KeyTree::Find(root, range.key);
  return entry != nullptr && entry->live() ? 1 : 0;
}

Revision PreviousOf(const KeyEntry* entry, int64_t main, int64_t compact_revision) {
  if (entry == nullptr || main - 1 < compact_revision) return {};
  return entry->LiveAt(main - 1).value_or(Revision{});
}

KeyIndex::~KeyIndex() {
  KeyTree::Walk<Visiting::kAll>(tree_.root(), {}, [this](const KeyEntry& entry) {
    Retire(entry.older);
    return true;
  });
}

void KeyIndex::Retire(OldVersions* versions) {
  if (versions != nullptr) reclaimer_.Retire(versions, &OldVersions::Free, versions->bytes());
}

// The past of the entry that follows `entry`: its own, with `entry` at the end. Slots from
// older_count on are seen by no reader of any root, because only the newest entry of a key is ever
// followed.
OldVersions* KeyIndex::Append(const KeyEntry& entry) {
  OldVersions* versions = entry.older;
  if (versions == nullptr || versions->capacity == entry.older_count) {
    auto* larger = OldVersions::New(std::max<uint32_t>(2, entry.older_count * 2));
    if (versions != nullptr) {
      std::copy_n(versions->items, entry.older_count, larger->items);
      Retire(versions);
    }
    versions = larger;
  }
  versions->items[entry.older_count] = entry.AsOld();
  return versions;
}

void KeyIndex::Add(std::string_view key, const KeyEntry* current, const NewVersion& version) {
  PINTLE_CHECK(current == nullptr || current->revision() < version.revision,
               "a key's revisions only grow");
  KeyEntry* entry = KeyEntry::New(key);
  entry->mod_revision = version.revision.main;
  entry->sub = static_cast<uint32_t>(version.revision.sub);
  entry->create_revision = version.create_revision;
  entry->version = version.version;
  entry->lease = version.lease;
  entry->record_bytes = static_cast<uint32_t>(version.record_bytes);
  if (current != nullptr) {
    entry->older = Append(*current);
    entry->older_count = current->older_count + 1;
  }
  tree_.Put(entry);
}

KeyIndex::Progress KeyIndex::Compact(int64_t compact_revision, std::string_view from, int limit,
                                     const std::function<void(const Removed&)>& removed) {
  // Entries may go while the tree changes: first choose, then change.
  std::vector<const KeyEntry*> dirty;
  int64_t versions = 0;
  Progress progress;
  KeyTree::Walk<Visiting::kDirty>(tree_.root(), {.first = from}, [&](const KeyEntry& entry) {
    if (versions >= limit) {
      progress = {.next = std::string(entry.key()), .more = true};
      return false;
    }
    dirty.push_back(&entry);
    versions += entry.older_count + 1;
    return true;
  });
  for (const KeyEntry* entry : dirty) {
    if (Trim(*entry, compact_revision, static_cast<uint32_t>(limit), removed)) continue;
    return {.next = std::string(entry->key()), .more = true};
  }
  return progress;
}

bool KeyIndex::Trim(const KeyEntry& entry, int64_t compact_revision, uint32_t limit,
                    const std::function<void(const Removed&)>& removed) {
  const auto drop = [&](const OldVersion& old) {
    removed({{old.main, old.sub}, old.tombstone != 0, old.record_bytes});
  };
  // A deletion at the compact revision itself may still be watched from there.
  const bool early = PINTLE_CANARY("delete_event_lost_at_compaction") ||
                     PINTLE_CANARY("revision_back_after_compaction_crash");
  const int64_t first_watched = early ? compact_revision + 1 : compact_revision;
  const bool newest_too = entry.mod_revision <= compact_revision;
  uint32_t gone = newest_too ? entry.older_count : entry.OldUpTo(compact_revision);
  if (!newest_too && gone > 0) {
    const OldVersion& last = entry.older->items[gone - 1];
    if (!last.tombstone || last.main >= first_watched) --gone;  // readable, or to be watched
  }
  const bool all = gone <= limit;
  gone = std::min(gone, limit);
  for (uint32_t i = 0; i < gone; ++i) drop(entry.older->items[i]);
  if (all && entry.tombstone() && entry.mod_revision < first_watched) {
    drop(entry.AsOld());
    Retire(entry.older);
    tree_.Erase(entry.key());
    return true;
  }
  if (gone == 0) return true;
  KeyEntry* trimmed = KeyEntry::New(entry.key());
  trimmed->mod_revision = entry.mod_revision;
  trimmed->create_revision = entry.create_revision;
  trimmed->version = entry.version;
  trimmed->lease = entry.lease;
  trimmed->sub = entry.sub;
  trimmed->record_bytes = entry.record_bytes;
  trimmed->older_count = entry.older_count - gone;
  if (trimmed->older_count > 0) {
    trimmed->older = OldVersions::New(trimmed->older_count + 1);
    std::copy_n(entry.older->items + gone, trimmed->older_count, trimmed->older->items);
  }
  Retire(entry.older);
  tree_.Put(trimmed);
  return all;
}

}  // namespace pintle::kv

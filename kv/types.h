// The store's words: revisions, keys, intervals, leases, stored pairs.
//
// Terms and rules are etcd's (api_overview, "Revisions"; kv.proto). Nothing here does I/O or knows
// who asks.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/strong_int.h"

namespace pintle::kv {

// One change: `main` counts changing requests, from 1 (a fresh store); `sub` counts changes inside
// one request, from 0.
struct Revision {
  int64_t main = 0;
  int64_t sub = 0;
  friend constexpr auto operator<=>(const Revision&, const Revision&) = default;
};

using LeaseId = base::StrongInt<struct LeaseIdTag, int64_t>;  // 0: no lease; negative ids are legal

// Opaque position of what has been applied: kept in the same atomic batch as the data it led to.
// The replica stores the raft index here; kv never looks inside.
using Sequence = base::StrongInt<struct SequenceTag, uint64_t>;

// etcd's interval: `end` empty means the one key, "\0" (one zero byte) means from `key` to the last
// key, anything else is exclusive.
struct KeyRange {
  std::string key;
  std::string end;

  bool single() const { return end.empty(); }
  bool to_the_end() const { return end.size() == 1 && end[0] == '\0'; }
  bool Contains(std::string_view k) const {
    if (single()) return k == key;
    return k >= key && (to_the_end() || k < end);
  }
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// A stored pair with its bookkeeping, decoded. A tombstone has only key and mod_revision.
struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;
  LeaseId lease;
};

// The same, as the bytes of an mvccpb.KeyValue message: encoded once, at apply, and from then on
// the LevelDB value, the Range reply, the watch event and prev_kv are these very bytes. Immutable,
// shared between threads.
using EncodedKeyValue = std::shared_ptr<const std::string>;

// Views into an encoded pair; valid as long as the bytes are.
struct KeyValueView {
  std::string_view key;
  std::string_view value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;
  LeaseId lease;
};

std::string EncodeKeyValue(const KeyValue& pair);
std::string EncodeKeyValue(const KeyValueView& pair);
// False when the bytes are no KeyValue message. Unknown fields are skipped.
bool ParseKeyValue(std::string_view encoded, KeyValueView& pair);

enum class EventType : uint8_t { kPut = 0, kDelete = 1 };

// One change, as watchers see it. Events of one request share revision.main and are handed out
// together.
struct Event {
  EventType type = EventType::kPut;
  Revision revision;  // of this change
  std::string key;
  EncodedKeyValue kv;  // for kDelete: key and mod_revision only
  int64_t create_revision =
      0;  // equal to revision.main when the key was created by this change; 0 for kDelete
  Revision previous;  // of the pair that this change replaced; {0,0} when there was none
};

}  // namespace pintle::kv

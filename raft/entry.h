// Entry: one position of the replicated log.
//
// The payload is written once and shared: the same immutable bytes go to the WAL, to every peer and
// to apply. Copying an Entry copies a pointer; the pointer may cross threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raft/types.h"

namespace pintle::raft {

// The numbers are stored in files and sent to peers: never reuse one. A kind that this version does
// not know travels through raft unharmed; apply must stop at it.
enum class EntryKind : uint8_t {
  kNormal = 0,
  kNoOp = 1,        // a new leader's first entry; carries no payload, apply only moves on
  kConfChange = 2,  // the whole new ConfState and the owner's context (membership.h)
};

using Payload = std::shared_ptr<const std::string>;

inline bool SameBytes(const Payload& a, const Payload& b) {
  return (a ? std::string_view(*a) : "") == (b ? std::string_view(*b) : "");
}

struct Entry {
  EntryId id;
  EntryKind kind = EntryKind::kNormal;
  Payload payload;  // may be null: the same as empty

  std::string_view bytes() const { return payload ? std::string_view(*payload) : ""; }
  // What an entry counts for against every byte limit: its payload and a constant for what
  // surrounds it.
  size_t cost_bytes() const { return bytes().size() + kOverheadBytes; }

  static constexpr size_t kOverheadBytes = 32;
};

// Same position, same kind, same bytes.
inline bool operator==(const Entry& a, const Entry& b) {
  return a.id == b.id && a.kind == b.kind && a.bytes() == b.bytes();
}

}  // namespace pintle::raft

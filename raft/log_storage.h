// LogStorage: the only thing raft asks of a disk, and it only asks to read.
//
// It holds the log as its owner (the replica) has stored it: what Ready::entries handed out. Raft
// keeps in its own memory every entry for which RawNode::Persisted has not been called yet, and
// reads older ones here; so the owner may add the entries of a Ready here at any time from
// TakeReady to Persisted of that Ready, in the order of Readys. Adding entries at an index that
// exists replaces that index and everything behind it.
// Compaction is the owner's choice, never beyond what its store holds durably; a follower that
// needs compacted entries gets a snapshot. When Ready::log_base says so the owner drops everything
// and begins behind that entry.
//
// Thread: raft's. Calls must not block for long and cannot fail: a disk that fails stops the
// process. Source: etcd-io/raft, storage.go; thesis §3.5, §5.1.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::raft {

class LogStorage {
 public:
  virtual ~LogStorage() = default;

  // The first index that Entries can give. Everything before was compacted away. 1 for a log never
  // compacted.
  virtual Index FirstIndex() const = 0;
  // The last index held; FirstIndex() - 1 when empty.
  virtual Index LastIndex() const = 0;

  // The term at `index`; known for FirstIndex() - 1 <= index <= LastIndex() (term 0 at index 0),
  // else nullopt.
  virtual std::optional<Term> TermAt(Index index) const = 0;

  // Appends the entries of `range`, which lies within [FirstIndex(), LastIndex()], to `out`: as
  // many from the front as fit into `max_bytes` (by Entry::cost_bytes), but at least one.
  virtual void Entries(IndexRange range, size_t max_bytes, std::vector<Entry>& out) const = 0;
};

}  // namespace pintle::raft

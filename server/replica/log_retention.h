// What of the log may be forgotten, in memory and on disk.
//
// Never more than a crash of the store can do without. Beyond that: the last `entries` are kept for
// followers that were away for a moment, and as much as a follower still needs that is there, or is
// being sent a snapshot; the first within `bytes`, the second within `most_bytes`. Who needs more
// gets a snapshot. Pure functions; thread: replica.
#pragma once

#include <cstddef>
#include <cstdint>

#include "raft/memory_log.h"
#include "raft/status.h"
#include "raft/types.h"

namespace pintle::server::replica {

struct LogRetention {
  uint64_t entries = 5000;
  size_t bytes = size_t{32} << 20;
  size_t most_bytes = size_t{256} << 20;
};

// The first entry that some follower still needs from this leader's log; kMaxIndex: none.
raft::Index FirstNeeded(const raft::Status& status);

// Drops what may be dropped of `log`. `durable`: what the store cannot lose any more.
void DropOldEntries(raft::MemoryLog& log, raft::Index durable, raft::Index first_needed,
                    const LogRetention& retention);

}  // namespace pintle::server::replica

// ApplyJob: committed entries on their way from the replica thread to the apply thread.
//
// Whenever the store gets another content (a snapshot was installed, the store was rebuilt) an
// epoch ends: raft gives entries from the new position on, and those of older epochs, which may
// still be queued, are dropped. A plain value.
#pragma once

#include <cstdint>
#include <vector>

#include "raft/entry.h"

namespace pintle::server::replica {

struct ApplyJob {
  uint64_t epoch = 0;
  std::vector<raft::Entry> entries;
};

}  // namespace pintle::server::replica

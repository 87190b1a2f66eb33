#include "server/replica/log_retention.h"

#include <algorithm>

namespace pintle::server::replica {

raft::Index FirstNeeded(const raft::Status& status) {
  raft::Index first = raft::kMaxIndex;
  for (const raft::PeerStatus& peer : status.peers) {
    if (peer.snapshot_index != raft::Index{0}) {
      first = std::min(first, peer.snapshot_index + 1);
    } else if (peer.recently_active && !peer.behind_log && !peer.departing) {
      first = std::min(first, peer.match_index + 1);
    }
  }
  return first;
}

void DropOldEntries(raft::MemoryLog& log, raft::Index durable, raft::Index first_needed,
                    const LogRetention& retention) {
  const raft::Index last = std::min(durable, log.LastIndex());
  for (raft::Index first = log.FirstIndex(); first <= last; ++first) {
    const bool many = log.LastIndex().value() - first.value() + 1 > retention.entries;
    if (!many && log.size_bytes() <= retention.bytes) return;
    if (first >= first_needed && log.size_bytes() <= retention.most_bytes) return;
    log.Compact(first);
  }
}

}  // namespace pintle::server::replica

// WalMembers: who belongs to the cluster, as the log tells it: the bytes of its conf changes, by
// index. So a log that begins late still says who may vote, when the store that knew it is lost.
// What the bytes mean is raft's (raft/membership.h).
//
// Owner and thread: Wal. Memory: one record for each conf change in the log, and one for its base.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::server::storage {

class WalMembers {
 public:
  // The log begins behind `base`. nullopt: not known as of there.
  void Restart(raft::Index base, std::optional<std::string> record);
  // Entries of the log, in order; they replace those at their index and behind.
  void Note(std::span<const raft::Entry> entries);
  std::optional<std::string> AsOf(raft::Index index) const;
  // AsOf is not asked about what is before it any more.
  void ForgetBefore(raft::Index index);

 private:
  std::deque<std::pair<raft::Index, std::string>> records_;
};

}  // namespace pintle::server::storage

// The rules by which a leader takes or refuses a change of members: etcd's, with etcd's errors
// (etcd-api 1.4), and what our own needs besides. Pure functions of what the leader sees.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "raft/status.h"
#include "server/replica/member_list.h"

namespace pintle::server::replica {

// What the leader sees.
struct MemberFacts {
  const MemberList& list;      // applied up to the configuration in force
  const raft::Status& status;  // raft's; peers included
  bool strict = true;          // --strict-reconfig-check
  // A connection to it stands, as far as we know. Not asked of the leader itself.
  std::function<bool(uint64_t id)> connected;
  // The leader's own store can be used (store_repair.h).
  bool own_store_usable = true;
};

absl::Status CheckMemberChange(const MemberChange& change, const MemberFacts& facts);

// It follows closely: 90 % of the log, as with etcd, and not more than a few hundred entries.
bool IsInSync(const raft::Status& status, uint64_t id);

// The promotion that is due, of a member that promotes itself, has started and is in sync, while
// the voters that would be there then have a quorum connected. id 0: none is.
MemberChange DuePromotion(const MemberFacts& facts);

// The feature level that every member has said it knows; 0 while one has said nothing.
uint32_t CommonFeatureLevel(const MemberList& list);

}  // namespace pintle::server::replica

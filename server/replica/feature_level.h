// Feature levels: how members of different versions live in one cluster.
//
// Each member says the highest level that it knows, with its name and in its greeting. The cluster
// has one level, which is part of the replicated state; its leader raises it when every member
// knows the next one, and it never goes back. What a level brings is used only once the cluster has
// it; a member that does not know the cluster's level is refused by its peers, and stops by itself
// at an entry that it does not understand. A plain table, any thread.
//
//   0   the first versions: everything in the log
//   1   nothing more in the log
//   2   kDowngrade
#pragma once

#include <cstdint>

#include "server/replica/local_member.h"

namespace pintle::server::replica {

// What this binary knows.
inline constexpr uint32_t kFeatureLevel = 2;

// A member below this level does not understand such an entry. UINT32_MAX: nor does this binary.
constexpr uint32_t FeatureLevelOf(RequestKind kind) {
  switch (kind) {
    case RequestKind::kPut:
    case RequestKind::kDeleteRange:
    case RequestKind::kTxn:
    case RequestKind::kCompaction:
    case RequestKind::kLeaseGrant:
    case RequestKind::kLeaseRevoke:
    case RequestKind::kLeaseCheckpoint:
    case RequestKind::kAlarm:
    case RequestKind::kHashCheck:
    case RequestKind::kMemberAttributes:
    case RequestKind::kFirstMembers:
    case RequestKind::kMemberChange:
    case RequestKind::kFeatureLevel:
    case RequestKind::kAuthEnable:
    case RequestKind::kAuthDisable:
    case RequestKind::kAuthenticate:
    case RequestKind::kAuthUserAdd:
    case RequestKind::kAuthUserDelete:
    case RequestKind::kAuthUserChangePassword:
    case RequestKind::kAuthUserGrantRole:
    case RequestKind::kAuthUserRevokeRole:
    case RequestKind::kAuthRoleAdd:
    case RequestKind::kAuthRoleDelete:
    case RequestKind::kAuthRoleGrantPermission:
    case RequestKind::kAuthRoleRevokePermission:
      return 0;
    case RequestKind::kDowngrade:
      return 2;
  }
  return UINT32_MAX;
}

}  // namespace pintle::server::replica

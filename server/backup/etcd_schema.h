// etcd's schema: which buckets its database has, and how their keys are spelled
// (docs/formats/backup.md; etcd-api 8.4). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/command.h"
#include "kv/record.h"
#include "kv/types.h"

namespace pintle::server::backup {

inline constexpr char kAlarmBucket[] = "alarm";
inline constexpr char kAuthBucket[] = "auth";
inline constexpr char kAuthRolesBucket[] = "authRoles";
inline constexpr char kAuthUsersBucket[] = "authUsers";
inline constexpr char kClusterBucket[] = "cluster";
inline constexpr char kKeyBucket[] = "key";
inline constexpr char kLeaseBucket[] = "lease";
inline constexpr char kMembersBucket[] = "members";
inline constexpr char kMembersRemovedBucket[] = "members_removed";
inline constexpr char kMetaBucket[] = "meta";

inline constexpr char kAuthEnabledName[] = "authEnabled";
inline constexpr char kAuthRevisionName[] = "authRevision";
inline constexpr char kConfStateName[] = "confState";
inline constexpr char kConsistentIndexName[] = "consistent_index";
inline constexpr char kFinishedCompactionName[] = "finishedCompactRev";
inline constexpr char kScheduledCompactionName[] = "scheduledCompactRev";
inline constexpr char kTermName[] = "term";

// Of the bucket "key": main (8 bytes, big-endian), '_', sub (8), and 't' for a tombstone. So in
// our order.
std::string EtcdRecordKey(const kv::RecordId& id);
std::optional<kv::RecordId> ParseEtcdRecordKey(std::string_view key);

std::string BigEndian64(uint64_t value);
std::optional<uint64_t> ParseBigEndian64(std::string_view bytes);

// The name of an active alarm.
std::string EtcdAlarmKey(const kv::Alarm& alarm);

}  // namespace pintle::server::backup

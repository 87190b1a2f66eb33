// AlarmSet: the alarms of the replicated state, and what is refused while there are any
// (etcd-api 1.5).
//
//   NOSPACE   no put, no transaction that holds one in either branch, no lease grant. Reading,
//             deleting, revoking and compacting go on: that is how room is made.
//   CORRUPT   nothing that changes keys or leases: the members do not agree on what there is.
//
// Part of the store's server state (Store::PutMeta, kAlarmsMetaName), and so of the entry that
// changed it, the hash chain and snapshots: members cannot refuse differently.
// Owner and thread: the store's apply thread. Limit: kMaxAlarms, then ErrTooManyAlarms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/command.h"

namespace pintle::kv {

inline constexpr std::string_view kAlarmsMetaName = "alarms";

class AlarmSet {
 public:
  static constexpr size_t kMaxAlarms = 1000;

  // The state in bytes (docs/formats/kv-records.md); empty when there are none. False: not what
  // Encode writes.
  std::string Encode() const;
  bool Parse(std::string_view bytes);

  // Sorted by member and type.
  const std::vector<Alarm>& list() const { return alarms_; }

  // The alarms that the request names or found. Activating one that is active changes nothing, but
  // that a request which is not automatic makes it stay; an automatic request takes back only what
  // was raised automatically.
  absl::StatusOr<std::vector<Alarm>> Execute(const AlarmRequest& request);

  // What `command` is refused with at present.
  absl::Status Check(const Command& command) const;

 private:
  absl::StatusOr<std::vector<Alarm>> Activate(const Alarm& alarm);
  std::vector<Alarm> Deactivate(const Alarm& alarm);
  bool active(AlarmType type) const;

  std::vector<Alarm> alarms_;
};

// As etcd writes it: "NOSPACE".
std::string NameOf(AlarmType type);

// By how many bytes the command may make the store larger, as etcd reckons: a transaction by its
// larger branch. More than 0 is what a full store refuses.
int64_t RoomFor(const Command& command);

}  // namespace pintle::kv

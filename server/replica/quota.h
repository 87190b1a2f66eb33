// Quota: whether a request would take the store past --quota-backend-bytes, and whether the alarm
// that follows is still due.
//
// Counts the logical bytes of every revision that can be read and of every lease
// (Store::size_bytes), not files: room that a compaction frees counts as free at once. To them
// comes what etcd reckons for a request (kv::RoomFor). It only keeps new requests out, at the door
// of the member that took them; what apply refuses is decided by the replicated alarm alone, so
// that members cannot decide differently. So the store may end beyond the quota by what was under
// way (at most Proposals::kMostBytes). What makes room, or takes none, is never kept out:
// deletions, compactions, revocations and renewals.
//
// The alarm goes by itself once usage stayed below nine tenths of the quota for kCalmAfter.
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "absl/time/time.h"
#include "kv/store.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Quota {
 public:
  static constexpr absl::Duration kCalmAfter = absl::Minutes(5);

  // `bytes`: 0 when there is none.
  Quota(int64_t bytes, const kv::Store& store) : bytes_(bytes), store_(store) {}

  // Not so deletions, and transactions without puts.
  static bool TakesRoom(RequestKind kind, std::string_view body);
  // Requests that take no room never do.
  bool ExceededBy(RequestKind kind, std::string_view body) const;
  // Something was kept out.
  void Refused() { refused_ = true; }

  // Now and then.
  void Look(absl::Time now);
  // Not calm yet: an alarm that was raised for the quota stays.
  bool KeepsAlarm() const;

 private:
  const int64_t bytes_;
  const kv::Store& store_;
  std::atomic<bool> refused_{false};
  mutable std::mutex mutex_;
  absl::Time now_ = absl::InfinitePast();
  absl::Time last_high_ = absl::InfinitePast();
};

}  // namespace pintle::server::replica

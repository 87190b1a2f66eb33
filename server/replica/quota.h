// Quota: whether a request would take the store past --quota-backend-bytes.
//
// Counts what can be read (Store::size_bytes), not files: room that was freed counts as free at
// once. It only keeps new requests out, at the door of the member that took them; what apply
// refuses is decided by the replicated alarm alone, so that members cannot decide differently. So
// the store may end beyond the quota by what was under way (at most Proposals::kMostBytes).
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "kv/store.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Quota {
 public:
  // `bytes`: 0 when there is none.
  Quota(int64_t bytes, const kv::Store& store) : bytes_(bytes), store_(store) {}

  // Not so deletions, and transactions without puts.
  static bool TakesRoom(RequestKind kind, std::string_view body);
  // Requests that take no room never do.
  bool ExceededBy(RequestKind kind, std::string_view body) const;

 private:
  const int64_t bytes_;
  const kv::Store& store_;
};

}  // namespace pintle::server::replica

// Proposals: who waits for which request id.
//
// A request is added before its payload goes to raft and leaves exactly once: applied, lost for
// certain, timed out, or at shutdown. Threads: any; one mutex, held for a few instructions. Bound:
// `limit` waiting requests.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Proposals {
 public:
  using Done = LocalMember::ProposeDone;

  static constexpr size_t kMostBytes = size_t{256} << 20;

  explicit Proposals(size_t limit) : limit_(limit) {}

  // False, leaving `done` untouched, when too many wait.
  bool Add(uint64_t id, size_t bytes, absl::Time deadline, Done& done);

  // Raft has taken it, in that term. False: nobody waits for it any more.
  bool MarkSent(uint64_t id, uint64_t term);

  std::optional<Done> Take(uint64_t id);
  // Many at once, one lock; the place of an id that nobody waits for is empty.
  std::vector<std::optional<Done>> TakeMany(std::span<const uint64_t> ids);
  std::vector<Done> TakeExpired(absl::Time now);
  // Sent in an earlier term: once the no-op of `term` is applied these can never be (thesis §3.6).
  std::vector<Done> TakeLostBefore(uint64_t term);
  std::vector<Done> TakeAll();

  size_t size() const;

 private:
  struct Waiter {
    Done done;
    size_t bytes = 0;
    uint64_t sent_in_term = 0;  // 0: not yet
  };
  std::optional<Done> TakeLocked(uint64_t id);

  const size_t limit_;
  size_t bytes_ = 0;
  mutable std::mutex mutex_;
  absl::flat_hash_map<uint64_t, Waiter> waiters_;
  std::deque<std::pair<absl::Time, uint64_t>>
      deadlines_;  // in order of adding, which is order of time
};

}  // namespace pintle::server::replica

// Proposals: who waits for which request id.
//
// A request is added before its payload goes to raft and leaves exactly once: applied, timed out,
// or at shutdown. What raft lost for certain is proposed again, with the same id, until its time is
// up: nobody's request fails because leaders change. Threads: any; one mutex, held for a few
// instructions. Bounds: `limit` waiting requests, kMostBytes.
//
// Lost for certain, and why a second proposal can not make it two: a payload that was given to raft
// in term T becomes an entry of term T or none (a forwarded one carries T, and only the leader of T
// takes it; raft/message.h). Once the no-op of a later term is applied, no entry of T can still be
// committed (thesis §3.6), and all that were have been applied, and answered, before it. A store
// that jumps over entries (a snapshot) breaks the last step: SentMayBeApplied.
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
#include "raft/entry.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class Proposals {
 public:
  using Done = LocalMember::ProposeDone;

  static constexpr size_t kMostBytes = size_t{256} << 20;

  explicit Proposals(size_t limit) : limit_(limit) {}

  // False, leaving `done` untouched, when too many wait. `payload`: what is to be proposed again;
  // null: that would not be the same request any more, when lost it is answered.
  bool Add(uint64_t id, size_t bytes, absl::Time deadline, Done& done,
           raft::Payload payload = nullptr);

  // Raft has taken it, in that term. False: nobody waits for it any more.
  bool MarkSent(uint64_t id, uint64_t term);

  std::optional<Done> Take(uint64_t id);
  // Many at once, one lock; the place of an id that nobody waits for is empty.
  std::vector<std::optional<Done>> TakeMany(std::span<const uint64_t> ids);
  std::vector<Done> TakeExpired(absl::Time now);

  struct Again {
    uint64_t id = 0;
    raft::Payload payload;
  };
  struct Lost {                // as they came
    std::vector<Again> again;  // still wait, and count as not sent
    std::vector<Done> answer;
  };
  // The no-op of `term` is applied: all that was sent in an earlier term.
  Lost TakeLostBefore(uint64_t term);
  // The store has got another content, which may hold some of what was sent: none of it is lost for
  // certain any more. It is applied, or times out.
  void SentMayBeApplied();

  std::vector<Done> TakeAll();  // as they came

  size_t size() const;

 private:
  struct Waiter {
    Done done;
    size_t bytes = 0;
    uint64_t sent_in_term = kNotSent;
    raft::Payload payload;
  };
  static constexpr uint64_t kNotSent = 0;
  static constexpr uint64_t kNeverLost = UINT64_MAX;
  std::optional<Done> TakeLocked(uint64_t id);

  const size_t limit_;
  size_t bytes_ = 0;
  mutable std::mutex mutex_;
  absl::flat_hash_map<uint64_t, Waiter> waiters_;
  std::deque<std::pair<absl::Time, uint64_t>>
      deadlines_;  // in order of adding, which is order of time
};

}  // namespace pintle::server::replica

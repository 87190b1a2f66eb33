// ReadGate: linearizable reads on their way. Readers that come while a round is under way share the
// next one.
//
//   reader      Add()                        → waiting
//   replica     Begin(id)                    → all that wait share the round `id`
//   raft        Confirmed(id, index)         → wait until `index` is applied (or go at once)
//               Dropped(id)                  → wait again, for another round
//   apply       Applied(index)               → those that may go
//
// A read confirmed at index i sees every write that was acknowledged before the read was asked for
// (thesis §6.4). Threads: any; one mutex. Functions that let readers go return their callbacks, to
// be called without the lock. Bound: `limit` readers.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "absl/time/time.h"
#include "raft/ready.h"
#include "raft/types.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

class ReadGate {
 public:
  using Done = LocalMember::ReadDone;

  explicit ReadGate(size_t limit) : limit_(limit) {}

  enum class AddResult {
    kFirst,
    kJoined,
    kFull
  };  // kFirst: nobody waited before; the replica must be woken
  // `applied` false: wants no more than the word of a quorum that this member leads, or is led,
  // now; what it is given to read may be older than that.
  AddResult Add(absl::Time deadline, Done& done, bool applied = true);

  // False: nobody waits.
  bool Begin(raft::ReadId id);
  std::vector<Done> Confirmed(raft::ReadId id, raft::Index index);
  void Dropped(raft::ReadId id);
  std::vector<Done> Applied(raft::Index index);
  // The store has gone back to there.
  void Rewound(raft::Index index);

  std::vector<Done> TakeExpired(absl::Time now);
  std::vector<Done> TakeAll();

  size_t size() const;

 private:
  struct Reader {
    absl::Time deadline;
    Done done;
    bool applied = true;
  };
  using Readers = std::vector<Reader>;
  std::vector<Done> Release(Readers readers);
  void DropExpired(Readers& readers, absl::Time now, std::vector<Done>& expired);

  const size_t limit_;
  mutable std::mutex mutex_;
  size_t size_ = 0;
  raft::Index applied_index_;
  Readers waiting_;
  std::map<raft::ReadId, Readers> rounds_;
  std::map<raft::Index, Readers> confirmed_;
};

}  // namespace pintle::server::replica

// LeaseUsers: who holds a key by a lease, renews it for a while, and gives it up or lets it expire.
//
// Held against what they were told:
//   - a key goes with its lease not before the time that the last answer had promised, measured by
//     the fastest clock there may be; but for a revocation that was asked for
//   - after an acknowledged revocation a renewal says that there is no such lease
//   - once they have stopped, every lease is gone after a while (AllGone)
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/history/history.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class LeaseUsers {
 public:
  LeaseUsers(const Settings& settings, EventQueue& events, Members& members,
             std::function<void(const absl::Status&)> check);

  void Start();
  void Stop() { stopped_ = true; }
  // A new revision has been applied somewhere for the first time.
  void Learned(int64_t revision, const std::vector<history::Change>& changes);
  // No member that is up knows a lease.
  bool AllGone() const;

 private:
  struct User {
    kv::LeaseId lease;
    std::string key;
    int64_t ttl_seconds = 0;
    absl::Duration good_until;  // by what was answered; the lease may live longer
    bool revocation_asked = false;
    bool revoked = false;
    bool gone = false;  // its key is
    uint64_t life = 0;  // counts leases: answers for an earlier one mean nothing
    int renewals_left = 0;
  };

  void Grant(size_t number);
  void AttachKey(size_t number, uint64_t life);
  void Renew(size_t number, uint64_t life);
  void Renewed(size_t number, absl::Duration asked_at, int64_t ttl_seconds);
  void Revoke(size_t number, uint64_t life);
  void Later(absl::Duration delay, size_t number, uint64_t life,
             void (LeaseUsers::*step)(size_t, uint64_t));
  void Again(size_t number);
  SimMember* Somebody();
  absl::Duration Promised(int64_t ttl_seconds) const;

  const Settings& settings_;
  EventQueue& events_;
  Members& members_;
  const std::function<void(const absl::Status&)> check_;
  SimRandom random_;
  std::vector<User> users_;
  bool stopped_ = false;
  uint64_t granted_ = 0;
  uint64_t values_ = 0;
};

}  // namespace pintle::sim

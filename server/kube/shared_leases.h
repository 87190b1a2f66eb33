// SharedLeases: leases for kinds that expire (Event). As in kube-apiserver, objects written within
// a short time share one lease, so that a burst of events costs one grant.
//
// A lease lasts ttl + window (window: 5 % of the ttl, at most a minute) and is handed out for
// `window`, so that every object lives at least its ttl. Threads: Acquire on any; `done` on the
// caller's thread or one of the member's: it must only post. One mutex around a few words; nothing
// is called under it.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kv/types.h"
#include "server/replica/local_member.h"

namespace pintle::server::kube {

class SharedLeases {
 public:
  // The member is stopped before this is destroyed: no callback comes later.
  explicit SharedLeases(replica::LocalMember& member) : member_(member) {}

  using Acquired = absl::AnyInvocable<void(absl::StatusOr<kv::LeaseId>)>;
  void Acquire(absl::Duration ttl, absl::Time now, Acquired done);

  // The store does not know this lease (any more): do not hand it out again.
  void Forget(kv::LeaseId id);

 private:
  struct Bucket {
    kv::LeaseId id;  // none yet while granting
    absl::Time until = absl::InfinitePast();
    bool granting = false;
    std::vector<Acquired> waiting;
  };

  void Granted(absl::Duration ttl, absl::Time until, kv::LeaseId id, const absl::Status& status);

  replica::LocalMember& member_;
  std::mutex mutex_;  // grants end on the member's thread, requests come on any I/O thread
  std::map<absl::Duration, Bucket> buckets_;
};

}  // namespace pintle::server::kube

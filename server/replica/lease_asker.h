// LeaseAsker: questions about leases on their way to whoever leads. Only the leader's clocks count;
// a question that nobody can answer just now (no leader, one that has just been elected or has just
// handed over, one that does not answer) is asked again, as etcd does: a keep-alive must not fail
// because leaders change.
//
//   Ask     our own answer, if we lead; else the leader is asked
//   Retry   each tick: all that wait; those whose time is up are answered
//           "request timed out", or "no leader" when none is known
//
// Asking twice is harmless: both questions may be repeated. Threads: any; one mutex, not held while
// asking. `done` is called exactly once, also by Close. Bound: kMostWaiting.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "raft/types.h"
#include "server/replica/clock.h"
#include "server/replica/peer_questions.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

class LeaseAsker {
 public:
  static constexpr size_t kMostWaiting = 10000;

  using Done = absl::AnyInvocable<void(absl::StatusOr<LeaseAnswer>)>;
  using OwnDone = absl::AnyInvocable<void(const LeaseAnswer&)>;
  struct Parts {
    raft::MemberId self;
    // Asked while this member leads, as far as it knows; answers when that is confirmed, or not.
    std::function<void(const LeaseQuestion&, OwnDone)> own_answer;
    std::function<raft::MemberId()> leader;
    PeerTransport& transport;
    const Clock& clock;
    absl::Duration patience;       // with one question
    absl::Duration peer_patience;  // with one peer
  };
  explicit LeaseAsker(Parts parts) : parts_(std::move(parts)) {}

  void Ask(LeaseQuestion question, Done done);
  void Retry();
  // Everybody who waits hears that we have stopped; so does who asks from now on. What a peer has
  // been asked is the transport's to answer.
  void Close();

 private:
  struct Waiter {
    LeaseQuestion question;
    absl::Time deadline;
    Done done;
  };
  void Try(Waiter waiter);
  void Wait(Waiter waiter);
  bool closed();

  const Parts parts_;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Waiter> waiting_;
};

}  // namespace pintle::server::replica

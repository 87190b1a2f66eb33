// Driver: the replica thread's work, one turn at a time. It feeds raft with what has come in,
// hands out what follows, and keeps the tick and all deadlines. Steppable: no thread, no Asio, no
// clock of its own; the loop (replica_loop.h) and the simulator drive the very same object.
//
// It waits for neither disk nor apply, so that heartbeats keep their time. Threads: the first group
// of functions from any, the second from the replica thread. Owner: Member.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <variant>

#include "server/replica/applier.h"
#include "server/replica/batch_queue.h"
#include "server/replica/clock.h"
#include "server/replica/peer_transport.h"
#include "server/replica/replica.h"

namespace pintle::server::replica {

class Driver {
 public:
  struct Parts {
    std::unique_ptr<Replica> replica;
    PeerTransport& transport;
    Applier& applier;
    Lessor& lessor;
    Proposals& proposals;
    ReadGate& reads;
    const Clock& clock;
    std::function<void(PersistJob)> persist;
    std::function<void(std::vector<raft::Entry>)> apply;
  };
  struct Options {
    raft::MemberId self;
    // Asked now and then until it says true: proposes this member's attributes.
    std::function<bool()> publish_attributes = [] { return true; };
    // The payload of a proposal that revokes the lease. Only ever proposed while we lead: a leader
    // of the past must not revoke, through the new one, what was renewed there.
    std::function<raft::Payload(kv::LeaseId)> lease_revocation = [](kv::LeaseId) {
      return raft::Payload();
    };
  };
  Driver(Parts parts, Options options);

  // Any thread.
  void Propose(uint64_t request_id, raft::Payload payload);
  void WakeForReads() { events_.Push(ReadsWait{}); }
  void Receive(raft::Message message) { events_.Push(std::move(message)); }
  void Unreachable(raft::MemberId peer) { events_.Push(peer); }
  void Persisted(raft::ReadyNumber number) { events_.Push(number); }
  void AppliedUpTo(raft::Index index) { events_.Push(index); }

  // What the driver last saw.
  struct Facts {
    raft::SoftState soft_state;
    raft::Term term;
    raft::Index commit_index;
    int64_t leader_changes = 0;
    int64_t proposals_failed = 0;
  };
  Facts facts() const;

 private:
  struct Proposed {
    uint64_t request_id = 0;
    raft::Payload payload;
  };
  struct ReadsWait {};
  using Event = std::variant<raft::Message, Proposed, ReadsWait, raft::ReadyNumber, raft::Index,
                             raft::MemberId>;

 public:
  // Replica thread.
  BatchQueue<Event>& events() { return events_; }
  // Takes everything that has come in.
  void TakeEvents();
  // One heartbeat interval has passed.
  void Tick();
  // Hands out everything that follows from what was taken.
  void DispatchAll();

  const Replica& replica() const { return *parts_.replica; }

 private:
  void Handle(Event& event);
  void Take(const raft::Message& message);
  void TakeUnreachable(raft::MemberId peer);
  void TakeProposal(Proposed proposed);
  void RetryUnsent();
  void BeginReads();
  void RevokeExpiredLeases();
  void AnswerExpired();
  void Dispatch(Work work);
  void OnSoftState(const raft::SoftState& state);
  void UpdateFacts();

  Parts parts_;
  const Options options_;
  BatchQueue<Event> events_;

  std::set<raft::MemberId> unreachable_;  // nothing has come from them since their link was lost
  std::deque<Proposed> unsent_;  // raft would not take them yet (no leader, too much uncommitted)
  bool reads_wait_ = false;
  uint64_t last_read_id_ = 0;
  uint64_t ticks_ = 0;
  bool published_ = false;
  raft::SoftState soft_state_;
  Facts working_facts_;

  mutable std::mutex facts_mutex_;
  Facts facts_;
};

}  // namespace pintle::server::replica

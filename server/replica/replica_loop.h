// ReplicaLoop: the threads around a Replica.
//
//   replica   takes events in batches, feeds raft, hands work out, keeps the tick and all deadlines
//   wal       writes what has queued up with one write and one sync, and reports it durable
//   apply     applies committed entries in batches, compacts when idle
//
// The next batch of the log forms while the disk works on the last: group commit without timers.
// The replica thread waits for neither disk nor apply, so that heartbeats keep their time. Owner:
// ReplicaNode. Stop() joins; what still waits is the owner's to answer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "server/replica/applier.h"
#include "server/replica/batch_queue.h"
#include "server/replica/peer_transport.h"
#include "server/replica/replica.h"
#include "server/storage/wal.h"

namespace pintle::server::replica {

// Raft's randomness in production.
class SystemRandom final : public raft::Random {
 public:
  uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_{std::random_device{}()};
};

class ReplicaLoop {
 public:
  struct Parts {
    std::unique_ptr<Replica> replica;
    storage::Wal& wal;
    PeerTransport& transport;
    Applier& applier;
    Lessor& lessor;
    Proposals& proposals;
    ReadGate& reads;
  };
  struct Options {
    raft::MemberId self;
    std::chrono::milliseconds tick{100};
    raft::Index applied_index;  // at the start
    // Asked now and then until it says true: proposes this member's attributes.
    std::function<bool()> publish_attributes = [] { return true; };
    // The payload of a proposal that revokes the lease. Only ever proposed while we lead: a leader
    // of the past must not revoke, through the new one, what was renewed there.
    std::function<raft::Payload(kv::LeaseId)> lease_revocation = [](kv::LeaseId) {
      return raft::Payload();
    };
  };
  ReplicaLoop(Parts parts, Options options);
  ~ReplicaLoop();

  void Start();
  void Stop();

  // Any thread.
  void Propose(uint64_t request_id, raft::Payload payload);
  void WakeForReads();
  void Receive(raft::Message message);
  void Unreachable(raft::MemberId peer);

  // What the loop last saw. Any thread.
  struct Facts {
    raft::SoftState soft_state;
    raft::Term term;
    raft::Index commit_index;
    int64_t leader_changes = 0;
    int64_t proposals_failed = 0;
  };
  Facts facts() const;
  raft::Index applied_index() const {
    return raft::Index(applied_index_.load(std::memory_order_acquire));
  }

 private:
  struct Proposed {
    uint64_t request_id = 0;
    raft::Payload payload;
  };
  struct ReadsWait {};
  using Event = std::variant<raft::Message, Proposed, ReadsWait, raft::ReadyNumber, raft::Index,
                             raft::MemberId>;

  void RunReplica();
  void RunWal();
  void RunApply();

  void Handle(Event& event);
  void Take(const raft::Message& message);
  void TakeUnreachable(raft::MemberId peer);
  void TakeProposal(Proposed proposed);
  void RetryUnsent();
  void BeginReads();
  void OnTick();
  void RevokeExpiredLeases();
  void AnswerExpired();
  void Dispatch(Work work);
  void OnSoftState(const raft::SoftState& state);
  void UpdateFacts();

  Parts parts_;
  const Options options_;
  BatchQueue<Event> events_;
  BatchQueue<PersistJob> persist_queue_;
  BatchQueue<std::vector<raft::Entry>> apply_queue_;

  // Replica thread only.
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
  std::atomic<uint64_t> applied_index_{0};

  std::thread replica_thread_;
  std::thread wal_thread_;
  std::thread apply_thread_;
};

}  // namespace pintle::server::replica

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
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "raft/random.h"
#include "server/replica/applier.h"
#include "server/replica/apply_job.h"
#include "server/replica/batch_queue.h"
#include "server/replica/clock.h"
#include "server/replica/counters.h"
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
    raft::Random& random;
    std::function<void(PersistJob)> persist;
    std::function<void(ApplyJob)> apply;
    // A piece of a snapshot that is wanted, or the answer to one; and a follower that needs one.
    std::function<void(raft::Message)> on_snapshot_message = [](const raft::Message&) {};
    std::function<void(raft::MemberId)> on_snapshot_need = [](raft::MemberId) {};
    // The position that the store cannot lose any more; and what of the log it is enough to keep.
    std::function<raft::Index()> durable_index = [] { return raft::Index{0}; };
    std::function<void(raft::Index first_kept)> drop_log_before = [](raft::Index) {};
    std::function<void()> on_tick = [] {};
    std::shared_ptr<MemberCounters> counters = std::make_shared<MemberCounters>();
    std::function<void(const raft::SoftState&)> on_soft_state = [](const raft::SoftState&) {};
  };
  struct Options {
    raft::MemberId self;
    // How long a request waits for its answer.
    absl::Duration request_timeout = absl::Seconds(7);
    absl::Duration election_timeout = absl::Seconds(1);
    absl::Duration heartbeat_interval = absl::Milliseconds(100);
    LogRetention retention;
    // A leader's, every few ticks: what it has to do about the members by itself.
    std::function<void(Replica&)> look_after_members = [](Replica&) {};
    // Each tick: LeaseAsker::Retry.
    std::function<void()> ask_about_leases = [] {};
    // Asked now and then until it says true: proposes this member's attributes.
    std::function<bool()> publish_attributes = [] { return true; };
    // The payload of a proposal that revokes the lease. Only ever proposed while we lead: a leader
    // of the past must not revoke, through the new one, what was renewed there.
    std::function<raft::Payload(kv::LeaseId)> lease_revocation = [](kv::LeaseId) {
      return raft::Payload();
    };
    using Checkpoints = std::vector<kv::LeaseCheckpointRequest::Item>;
    std::function<raft::Payload(const Checkpoints&)> lease_checkpoints = [](const Checkpoints&) {
      return raft::Payload();
    };
  };
  Driver(Parts parts, Options options);

  // Any thread.
  void Propose(uint64_t request_id, raft::Payload payload);
  void WakeForReads() { events_.Push(ReadsWait{}); }
  void Receive(raft::Message message) { events_.Push(std::move(message)); }
  void Unreachable(raft::MemberId peer) { events_.Push(peer); }
  // The peer's process is gone: connection closed, a new one refused (RawNode::LeaderGone). After a
  // random 0-50 ms without a word from it, if it led us, we campaign; while there is no leader,
  // twice more, each time a third of an election timeout later.
  void LeaderGone(raft::MemberId peer) { events_.Push(Gone{peer}); }

  // Begins a change of members. `change` makes the new configuration, not joint, of what the
  // leader's raft is; nullopt: not now, ask again. `payload`, made by EncodeProposal with this
  // request id, goes with the entry and is applied like a proposal, which answers whoever waits for
  // the id. While another change is under way, or nothing of this term is committed yet, it waits.
  // Refused: answered at once.
  using ConfChange = absl::AnyInvocable<absl::StatusOr<std::optional<raft::ConfState>>(Replica&)>;
  void ProposeConfChange(uint64_t request_id, ConfChange change, std::string payload);

  // kNoMember: to the best there is. `done` on the replica thread.
  using TransferDone = absl::AnyInvocable<void(raft::TransferOutcome)>;
  void TransferLeadership(raft::MemberId target, TransferDone done);

  // Runs on the replica thread, before the next Dispatch.
  using Task = absl::AnyInvocable<void(Replica&)>;
  void Post(Task task) { events_.Push(std::move(task)); }

  // The store has got another content; `epoch` is that of the apply worker from now on.
  void Restored(raft::SnapshotMeta meta, uint64_t epoch);
  void Rewound(raft::Index applied, uint64_t epoch);

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
  struct ChangeWanted {
    uint64_t request_id = 0;
    ConfChange change;
    std::string payload;
  };
  struct ReadsWait {};
  struct Gone {
    raft::MemberId peer;
  };
  using Event = std::variant<raft::Message, Proposed, ReadsWait, raft::ReadyNumber, raft::Index,
                             raft::MemberId, Gone, Task>;

 public:
  // Replica thread.
  BatchQueue<Event>& events() { return events_; }
  // Takes everything that has come in, and does what is due.
  void TakeEvents();
  // When something is due that cannot wait for the next tick: TakeEvents does it then.
  std::optional<absl::Time> deadline() const { return campaign_at_; }
  // One heartbeat interval has passed.
  void Tick();
  // Hands out everything that follows from what was taken.
  void DispatchAll();

  const Replica& replica() const { return *parts_.replica; }
  // Nothing is known against it: its link stands, or something has come since it was lost.
  bool reachable(raft::MemberId peer) const { return !unreachable_.contains(peer); }

 private:
  void Handle(Event& event);
  void Take(const raft::Message& message);
  void TakeUnreachable(raft::MemberId peer);
  void TakeGone(raft::MemberId peer);
  void CampaignIn(absl::Duration time);
  void CampaignWhenDue();
  void TakeProposal(Proposed proposed);
  void RetryUnsent();
  bool TakeChange(ChangeWanted& wanted);
  void RetryChanges();
  void BeginReads();
  void LookAfterLeases();
  void AnswerExpired();
  absl::Status WhyExpired(absl::Time now) const;
  void LeaveIfStoreIsBehind();
  void DropOldEntries();
  void NoteRevocations(const std::vector<raft::Entry>& entries);
  void TakeSnapshotMessage(raft::Message message);
  void Dispatch(Work work);
  void OnSoftState(const raft::SoftState& state);
  void UpdateFacts();
  void CountLateTick();
  void NoteHeartbeats(std::span<const raft::Message> sent);

  Parts parts_;
  const Options options_;
  BatchQueue<Event> events_;

  std::set<raft::MemberId> unreachable_;  // nothing has come from them since their link was lost
  std::deque<Proposed> unsent_;  // raft would not take them yet (no leader, too much uncommitted)
  std::deque<ChangeWanted> waiting_changes_;  // bounded by Proposals, as unsent_ is
  bool reads_wait_ = false;
  uint64_t last_read_id_ = 0;
  uint64_t ticks_ = 0;
  bool published_ = false;
  std::optional<absl::Time> campaign_at_;  // our leader's process is gone
  int early_campaigns_left_ = 0;
  uint64_t apply_epoch_ = 0;
  absl::Time led_since_ = absl::InfinitePast();  // when we heard of the leader that there is
  raft::SoftState soft_state_;
  Facts working_facts_;

  absl::Time last_tick_ = absl::InfiniteFuture();
  std::map<raft::MemberId, absl::Time> heartbeats_sent_;  // not answered yet, the first of them

  mutable std::mutex facts_mutex_;
  Facts facts_;
};

}  // namespace pintle::server::replica

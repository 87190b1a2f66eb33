#include "server/replica/driver.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "base/fault_point.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/errors.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

// Few at a time: clients' requests share the log with them.
constexpr size_t kMostRevocationsPerTick = 100;
constexpr size_t kMostCheckpointsPerTick = 1000;
constexpr uint64_t kPublishTicks = 2;
constexpr uint64_t kMemberTicks = 2;
constexpr uint64_t kLongestGoneDelayMs = 50;
constexpr int kEarlyCampaigns = 3;

absl::Status ErrOf(raft::ConfChangeOutcome outcome) {
  switch (outcome) {
    case raft::ConfChangeOutcome::kAppended:
      return absl::OkStatus();
    case raft::ConfChangeOutcome::kNotLeader:
      return ErrLeaderChanged();
    case raft::ConfChangeOutcome::kNotReady:
    case raft::ConfChangeOutcome::kPending:
      return ErrUnhealthy();
    case raft::ConfChangeOutcome::kInvalid:
      return ErrInvalidConfChange();
  }
  return ErrInvalidConfChange();
}

}  // namespace

Driver::Driver(Parts parts, Options options)
    : parts_(std::move(parts)), options_(std::move(options)) {
  working_facts_.term = parts_.replica->term();
  working_facts_.commit_index = parts_.replica->commit_index();
  facts_ = working_facts_;
}

void Driver::Propose(uint64_t request_id, raft::Payload payload) {
  events_.Push(Proposed{request_id, std::move(payload)});
}

Driver::Facts Driver::facts() const {
  const std::lock_guard lock(facts_mutex_);
  return facts_;
}

void Driver::TakeEvents() {
  for (Event& event : events_.TakeAll()) Handle(event);
  CampaignWhenDue();
}

void Driver::DispatchAll() {
  do {  // work may make work: a new leader takes what has waited for one
    BeginReads();
    Dispatch(parts_.replica->TakeWork());
  } while (reads_wait_ || parts_.replica->HasWork());
}

void Driver::Handle(Event& event) {
  struct Visitor {
    Driver& driver;
    void operator()(raft::Message& message) const { driver.Take(message); }
    void operator()(Proposed& proposed) const { driver.TakeProposal(std::move(proposed)); }
    void operator()(ReadsWait&) const { driver.reads_wait_ = true; }
    void operator()(raft::ReadyNumber& number) const { driver.parts_.replica->Persisted(number); }
    void operator()(raft::Index& index) const { driver.parts_.replica->AppliedUpTo(index); }
    void operator()(raft::MemberId& peer) const { driver.TakeUnreachable(peer); }
    void operator()(Gone& gone) const { driver.TakeGone(gone.peer); }
    void operator()(Task& task) const { task(*driver.parts_.replica); }
  };
  std::visit(Visitor{*this}, event);
}

void Driver::Take(const raft::Message& message) {
  if (!unreachable_.empty() && unreachable_.erase(message.from) > 0) {
    parts_.counters->peers.Found(message.from.value());
  }
  if (std::holds_alternative<raft::HeartbeatResponse>(message.body)) {
    const auto sent = heartbeats_sent_.find(message.from);
    if (sent != heartbeats_sent_.end()) {
      parts_.counters->peers.RoundTrip(message.from.value(), parts_.clock.Now() - sent->second);
      heartbeats_sent_.erase(sent);
    }
  }
  parts_.replica->Receive(message);
}

void Driver::TakeUnreachable(raft::MemberId peer) {
  unreachable_.insert(peer);
  parts_.counters->peers.Lost(peer.value());
  heartbeats_sent_.erase(peer);
  parts_.replica->Unreachable(peer);
}

void Driver::TakeGone(raft::MemberId peer) {
  parts_.replica->LeaderGone(peer);
  if (!parts_.replica->leader_gone() || campaign_at_) return;
  base::FaultPoint("member.leader_gone");
  early_campaigns_left_ = kEarlyCampaigns;
  CampaignIn(absl::ZeroDuration());
}

void Driver::CampaignIn(absl::Duration time) {
  const auto spread = absl::Milliseconds(parts_.random.Next() % (kLongestGoneDelayMs + 1));
  campaign_at_ = parts_.clock.Now() + time + spread;
}

// Void when a leader was heard meanwhile. The other one may have refused because it had not missed
// the leader yet, or may have asked at the same moment: that is not worth an election timeout. A
// third of one is long enough for an election that is under way.
void Driver::CampaignWhenDue() {
  if (!campaign_at_ || parts_.clock.Now() < *campaign_at_) return;
  campaign_at_.reset();
  if (parts_.replica->soft_state().leader != raft::kNoMember) return;
  parts_.replica->Campaign();
  if (--early_campaigns_left_ > 0) CampaignIn(options_.election_timeout / 3);
}

void Driver::ProposeConfChange(uint64_t request_id, ConfChange change, std::string payload) {
  Post([this, wanted = ChangeWanted{request_id, std::move(change), std::move(payload)}](
           Replica&) mutable {
    if (!TakeChange(wanted)) waiting_changes_.push_back(std::move(wanted));
  });
}

// False: to be tried again.
bool Driver::TakeChange(ChangeWanted& wanted) {
  Replica& replica = *parts_.replica;
  if (!parts_.proposals.MarkSent(wanted.request_id, replica.term().value())) return true;
  absl::Status refused;
  if (replica.soft_state().role != raft::Role::kLeader) {
    refused = ErrLeaderChanged();
  } else if (const auto target = wanted.change(replica); !target.ok()) {
    refused = target.status();
  } else {
    using raft::ConfChangeOutcome;
    const ConfChangeOutcome outcome =
        target->has_value() ? replica.ProposeConfChange(**target, wanted.payload).outcome
                            : ConfChangeOutcome::kPending;
    base::FaultPoint("member.conf_change_proposed");
    if (outcome == ConfChangeOutcome::kPending || outcome == ConfChangeOutcome::kNotReady) {
      parts_.proposals.MarkSent(wanted.request_id, 0);
      return false;
    }
    refused = ErrOf(outcome);
  }
  if (refused.ok()) return true;
  if (auto done = parts_.proposals.Take(wanted.request_id)) (*done)(refused);
  return true;
}

void Driver::RetryChanges() {
  std::erase_if(waiting_changes_, [this](ChangeWanted& wanted) { return TakeChange(wanted); });
}

void Driver::TransferLeadership(raft::MemberId target, TransferDone done) {
  Post([target, done = std::move(done)](Replica& replica) mutable {
    base::FaultPoint("member.before_transfer");
    done(replica.TransferLeadership(target));
  });
}

void Driver::Restored(raft::SnapshotMeta meta, uint64_t epoch) {
  Post([this, meta = std::move(meta), epoch](Replica& replica) {
    apply_epoch_ = epoch;
    replica.Restore(meta);
  });
}

void Driver::Rewound(raft::Index applied, uint64_t epoch) {
  Post([this, applied, epoch](Replica& replica) {
    apply_epoch_ = epoch;
    replica.RewindApply(applied);
  });
}

void Driver::TakeProposal(Proposed proposed) {
  // Marked first: apply may be quicker than this thread. Nobody waits any more: it timed out while
  // it queued here.
  if (!parts_.proposals.MarkSent(proposed.request_id, parts_.replica->term().value())) return;
  const raft::ProposeResult result = parts_.replica->Propose(proposed.payload);
  if (result.outcome == raft::ProposeOutcome::kAppended ||
      result.outcome == raft::ProposeOutcome::kForwarded)
    return;
  parts_.proposals.MarkSent(proposed.request_id, 0);
  unsent_.push_back(std::move(proposed));
}

void Driver::RetryUnsent() {
  std::deque<Proposed> again = std::exchange(unsent_, {});
  for (Proposed& proposed : again) TakeProposal(std::move(proposed));
}

void Driver::BeginReads() {
  if (!reads_wait_) return;
  reads_wait_ = false;
  const raft::ReadId id(++last_read_id_);
  if (parts_.reads.Begin(id)) parts_.replica->Read(id);
}

void Driver::CountLateTick() {
  const absl::Time now = parts_.clock.Now();
  if (parts_.replica->soft_state().role != raft::Role::kLeader) {
    heartbeats_sent_.clear();
  } else if (now - last_tick_ > 2 * options_.heartbeat_interval) {
    parts_.counters->late_heartbeats.Add();
  }
  last_tick_ = now;
}

void Driver::NoteHeartbeats(std::span<const raft::Message> sent) {
  for (const raft::Message& message : sent) {
    if (!std::holds_alternative<raft::Heartbeat>(message.body)) continue;
    heartbeats_sent_.try_emplace(message.to, parts_.clock.Now());
  }
}

void Driver::Tick() {
  ++ticks_;
  CountLateTick();
  parts_.replica->Tick();
  AnswerExpired();
  RetryUnsent();
  RetryChanges();
  if (ticks_ % kMemberTicks == 0 && parts_.replica->soft_state().role == raft::Role::kLeader) {
    options_.look_after_members(*parts_.replica);
  }
  options_.ask_about_leases();
  reads_wait_ = true;  // those whose round was dropped try again
  LookAfterLeases();
  LeaveIfStoreIsBehind();
  DropOldEntries();
  parts_.on_tick();
  if (!published_ && ticks_ % kPublishTicks == 0) published_ = options_.publish_attributes();
}

// Without its store a leader answers nobody.
void Driver::LeaveIfStoreIsBehind() {
  const raft::SoftState state = parts_.replica->soft_state();
  if (state.role != raft::Role::kLeader || state.handing_over) return;
  if (!parts_.replica->store_behind_log()) return;
  [[maybe_unused]] const raft::TransferOutcome outcome =
      parts_.replica->TransferLeadership(raft::kNoMember);
}

void Driver::DropOldEntries() {
  const raft::Index before = parts_.replica->log().FirstIndex();
  parts_.replica->DropOldEntries(parts_.durable_index(), options_.retention);
  const raft::Index first = parts_.replica->log().FirstIndex();
  if (first == before) return;
  base::FaultPoint("member.log_dropped");
  parts_.drop_log_before(first);
}

// Not before our own no-op is applied: what an earlier leader promised is applied by then.
void Driver::LookAfterLeases() {
  Replica& replica = *parts_.replica;
  if (replica.soft_state().role != raft::Role::kLeader) return;
  if (parts_.applier.no_op_term() < replica.term()) return;
  const absl::Time now = parts_.clock.Now();
  const Lessor::Due due =
      parts_.lessor.TakeDue(now, kMostRevocationsPerTick, kMostCheckpointsPerTick);
  for (const kv::LeaseId id : due.expired) {
    parts_.counters->leases_expired.Add();
    // Refused or lost: the lessor names the lease again.
    [[maybe_unused]] const raft::ProposeResult result =
        replica.Propose(options_.lease_revocation(id));
  }
  if (due.checkpoints.empty()) return;
  const raft::ProposeResult result = replica.Propose(options_.lease_checkpoints(due.checkpoints));
  if (result.outcome != raft::ProposeOutcome::kAppended) {
    parts_.lessor.NotProposed(due.checkpoints, now);
  }
}

// As etcd words it, of a request whose time is up now. No leader is a plain timeout.
absl::Status Driver::WhyExpired(absl::Time now) const {
  const absl::Time asked = now - options_.request_timeout;
  const absl::Time earlier_leader_lost = led_since_ - 2 * options_.election_timeout;
  if (asked > earlier_leader_lost && asked < led_since_) return ErrTimeoutDueToLeaderFail();
  return unreachable_.contains(soft_state_.leader) ? ErrTimeoutDueToConnectionLost() : ErrTimeout();
}

void Driver::AnswerExpired() {
  const absl::Time now = parts_.clock.Now();
  for (auto& done : parts_.proposals.TakeExpired(now)) {
    ++working_facts_.proposals_failed;
    done(WhyExpired(now));
  }
  for (auto& done : parts_.reads.TakeExpired(now)) {
    parts_.counters->reads_failed.Add();
    done(ErrTimeout());
  }
}

void Driver::Dispatch(Work work) {
  if (work.soft_state) OnSoftState(*work.soft_state);
  UpdateFacts();  // first: nobody may hear of a commit that our own facts do not show
  NoteHeartbeats(work.send);
  if (!work.send.empty()) parts_.transport.Send(std::move(work.send));
  for (PersistJob& job : work.persist) {
    if (soft_state_.role == raft::Role::kLeader) NoteRevocations(job.entries);
    parts_.persist(std::move(job));
  }
  if (!work.apply.empty()) parts_.apply({apply_epoch_, std::move(work.apply)});
  for (raft::Message& message : work.snapshot_messages) TakeSnapshotMessage(std::move(message));
  for (const raft::MemberId peer : work.peers_need_snapshot) parts_.on_snapshot_need(peer);
  for (const raft::ReadState& state : work.read_states) {
    // Apply's view is at least as new as what it has announced.
    for (auto& done : parts_.reads.Confirmed(state.id, state.read_index))
      done(parts_.applier.view());
  }
  for (const raft::ReadId id : work.dropped_reads) {
    parts_.counters->reads_repeated.Add();
    parts_.reads.Dropped(id);
  }
}

// Before anybody can know that they are committed.
void Driver::NoteRevocations(const std::vector<raft::Entry>& entries) {
  for (const raft::Entry& entry : entries) {
    DecodedProposal proposal;
    if (entry.kind != raft::EntryKind::kNormal || !DecodeProposal(entry.bytes(), proposal) ||
        proposal.kind != RequestKind::kLeaseRevoke) {
      continue;
    }
    etcdserverpb::LeaseRevokeRequest request;
    if (request.ParseFromArray(proposal.body.data(), static_cast<int>(proposal.body.size()))) {
      parts_.lessor.RevocationOnItsWay(kv::LeaseId(request.id()));
    }
  }
}

void Driver::TakeSnapshotMessage(raft::Message message) {
  const auto* piece = std::get_if<raft::InstallSnapshot>(&message.body);
  if (piece != nullptr && !parts_.replica->WantsSnapshot(piece->meta)) {
    return parts_.replica->SendSnapshotMessage(
        message.from,
        raft::InstallSnapshotResponse{.transfer_id = piece->transfer_id, .done = true});
  }
  parts_.on_snapshot_message(std::move(message));
}

void Driver::OnSoftState(const raft::SoftState& state) {
  const bool was_leader = soft_state_.role == raft::Role::kLeader;
  const bool is_leader = state.role == raft::Role::kLeader;
  if (state.leader != soft_state_.leader) {
    if (state.leader != raft::kNoMember) {
      ++working_facts_.leader_changes;
      led_since_ = parts_.clock.Now();
    }
    spdlog::info("{}",
                 absl::StrFormat("raft: member %x at term %d: leader is %x", options_.self.value(),
                                 parts_.replica->term().value(), state.leader.value()));
  }
  soft_state_ = state;
  parts_.on_soft_state(state);
  if (is_leader && !was_leader) parts_.lessor.BecameLeader(parts_.clock.Now());
  if (!is_leader && was_leader) parts_.lessor.LostLeadership();
  if (state.leader != raft::kNoMember) {
    RetryUnsent();
    reads_wait_ = true;
  }
}

void Driver::UpdateFacts() {
  working_facts_.soft_state = soft_state_;
  working_facts_.term = parts_.replica->term();
  working_facts_.commit_index = parts_.replica->commit_index();
  const std::lock_guard lock(facts_mutex_);
  facts_ = working_facts_;
}

}  // namespace pintle::server::replica

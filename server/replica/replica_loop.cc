#include "server/replica/replica_loop.h"

#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "server/replica/clock.h"
#include "server/replica/errors.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kWriteBytes = size_t{32}
                               << 20;  // one write of the log takes about this much at most
constexpr int kMostTicksAtOnce = 3;    // after a stall: catching up on all of them would only elect
constexpr uint64_t kLeaseScanTicks = 5;
constexpr size_t kMostRevocationsPerScan = 500;
constexpr uint64_t kPublishTicks = 10;

size_t CostOf(const PersistJob& job) {
  size_t bytes = 0;
  for (const auto& entry : job.entries) bytes += entry.cost_bytes();
  return bytes;
}

}  // namespace

ReplicaLoop::ReplicaLoop(Parts parts, Options options)
    : parts_(std::move(parts)), options_(std::move(options)) {
  applied_index_ = options_.applied_index.value();
  working_facts_.term = parts_.replica->term();
  working_facts_.commit_index = parts_.replica->commit_index();
  facts_ = working_facts_;
}

ReplicaLoop::~ReplicaLoop() { Stop(); }

void ReplicaLoop::Start() {
  wal_thread_ = std::thread([this] { RunWal(); });
  apply_thread_ = std::thread([this] { RunApply(); });
  replica_thread_ = std::thread([this] { RunReplica(); });
}

void ReplicaLoop::Stop() {
  if (!replica_thread_.joinable()) return;
  events_.Close();
  replica_thread_.join();
  persist_queue_.Close();
  wal_thread_.join();
  apply_queue_.Close();
  apply_thread_.join();
}

void ReplicaLoop::Propose(uint64_t request_id, raft::Payload payload) {
  events_.Push(Proposed{request_id, std::move(payload)});
}
void ReplicaLoop::WakeForReads() { events_.Push(ReadsWait{}); }
void ReplicaLoop::Receive(raft::Message message) { events_.Push(std::move(message)); }
void ReplicaLoop::Unreachable(raft::MemberId peer) { events_.Push(peer); }

ReplicaLoop::Facts ReplicaLoop::facts() const {
  const std::lock_guard lock(facts_mutex_);
  return facts_;
}

void ReplicaLoop::RunReplica() {
  using Clock = std::chrono::steady_clock;
  auto next_tick = Clock::now() + options_.tick;
  Dispatch(parts_.replica->TakeWork());
  while (!events_.closed()) {
    for (Event& event : events_.PopAll(next_tick)) Handle(event);
    for (int i = 0; i < kMostTicksAtOnce && Clock::now() >= next_tick; ++i) {
      next_tick += options_.tick;
      OnTick();
    }
    if (Clock::now() >= next_tick) next_tick = Clock::now() + options_.tick;
    do {  // work may make work: a new leader takes what has waited for one
      BeginReads();
      Dispatch(parts_.replica->TakeWork());
    } while (reads_wait_ || parts_.replica->HasWork());
  }
}

void ReplicaLoop::Handle(Event& event) {
  struct Visitor {
    ReplicaLoop& loop;
    void operator()(raft::Message& message) const { loop.Take(message); }
    void operator()(Proposed& proposed) const { loop.TakeProposal(std::move(proposed)); }
    void operator()(ReadsWait&) const { loop.reads_wait_ = true; }
    void operator()(raft::ReadyNumber& number) const { loop.parts_.replica->Persisted(number); }
    void operator()(raft::Index& index) const { loop.parts_.replica->AppliedUpTo(index); }
    void operator()(raft::MemberId& peer) const { loop.TakeUnreachable(peer); }
  };
  std::visit(Visitor{*this}, event);
}

void ReplicaLoop::Take(const raft::Message& message) {
  if (!unreachable_.empty()) unreachable_.erase(message.from);
  parts_.replica->Receive(message);
}

void ReplicaLoop::TakeUnreachable(raft::MemberId peer) {
  unreachable_.insert(peer);
  parts_.replica->Unreachable(peer);
}

void ReplicaLoop::TakeProposal(Proposed proposed) {
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

void ReplicaLoop::RetryUnsent() {
  std::deque<Proposed> again = std::exchange(unsent_, {});
  for (Proposed& proposed : again) TakeProposal(std::move(proposed));
}

void ReplicaLoop::BeginReads() {
  if (!reads_wait_) return;
  reads_wait_ = false;
  const raft::ReadId id(++last_read_id_);
  if (parts_.reads.Begin(id)) parts_.replica->Read(id);
}

void ReplicaLoop::OnTick() {
  ++ticks_;
  parts_.replica->Tick();
  AnswerExpired();
  RetryUnsent();
  reads_wait_ = true;  // those whose round was dropped try again
  if (ticks_ % kLeaseScanTicks == 0) RevokeExpiredLeases();
  if (!published_ && ticks_ % kPublishTicks == 0) published_ = options_.publish_attributes();
}

void ReplicaLoop::RevokeExpiredLeases() {
  if (parts_.replica->soft_state().role != raft::Role::kLeader) return;
  for (const kv::LeaseId id : parts_.lessor.TakeExpired(SteadyNow(), kMostRevocationsPerScan)) {
    // Refused or lost: the lessor names the lease again.
    [[maybe_unused]] const raft::ProposeResult result =
        parts_.replica->Propose(options_.lease_revocation(id));
  }
}

void ReplicaLoop::AnswerExpired() {
  const absl::Time now = SteadyNow();
  // As etcd words it: no leader is a plain timeout.
  const bool cut_off = unreachable_.contains(soft_state_.leader);
  for (auto& done : parts_.proposals.TakeExpired(now)) {
    ++working_facts_.proposals_failed;
    done(cut_off ? ErrTimeoutDueToConnectionLost() : ErrTimeout());
  }
  for (auto& done : parts_.reads.TakeExpired(now)) done(ErrTimeout());
}

void ReplicaLoop::Dispatch(Work work) {
  if (work.soft_state) OnSoftState(*work.soft_state);
  UpdateFacts();  // first: nobody may hear of a commit that our own facts do not show
  if (!work.send.empty()) parts_.transport.Send(std::move(work.send));
  for (PersistJob& job : work.persist) persist_queue_.Push(std::move(job));
  if (!work.apply.empty()) apply_queue_.Push(std::move(work.apply));
  for (const raft::ReadState& state : work.read_states) {
    // Apply's view is at least as new as what it has announced.
    for (auto& done : parts_.reads.Confirmed(state.id, state.read_index))
      done(parts_.applier.view());
  }
  for (const raft::ReadId id : work.dropped_reads) parts_.reads.Dropped(id);
}

void ReplicaLoop::OnSoftState(const raft::SoftState& state) {
  const bool was_leader = soft_state_.role == raft::Role::kLeader;
  const bool is_leader = state.role == raft::Role::kLeader;
  if (state.leader != soft_state_.leader) {
    if (state.leader != raft::kNoMember) ++working_facts_.leader_changes;
    spdlog::info("{}",
                 absl::StrFormat("raft: member %x at term %d: leader is %x", options_.self.value(),
                                 parts_.replica->term().value(), state.leader.value()));
  }
  soft_state_ = state;
  if (is_leader && !was_leader) parts_.lessor.BecameLeader(SteadyNow());
  if (!is_leader && was_leader) parts_.lessor.LostLeadership();
  if (state.leader != raft::kNoMember) {
    RetryUnsent();
    reads_wait_ = true;
  }
}

void ReplicaLoop::UpdateFacts() {
  working_facts_.soft_state = soft_state_;
  working_facts_.term = parts_.replica->term();
  working_facts_.commit_index = parts_.replica->commit_index();
  const std::lock_guard lock(facts_mutex_);
  facts_ = working_facts_;
}

void ReplicaLoop::RunWal() {
  for (;;) {
    std::vector<PersistJob> jobs = persist_queue_.PopAll();
    if (jobs.empty()) return;  // closed
    for (size_t next = 0; next < jobs.size();) {
      PersistJob write = std::move(jobs[next++]);
      size_t bytes = CostOf(write);
      for (; next < jobs.size() && bytes < kWriteBytes; ++next) {
        bytes += CostOf(jobs[next]);
        write.number = jobs[next].number;
        if (jobs[next].hard_state) write.hard_state = jobs[next].hard_state;
        write.entries.insert(write.entries.end(),
                             std::make_move_iterator(jobs[next].entries.begin()),
                             std::make_move_iterator(jobs[next].entries.end()));
      }
      storage::DieUnlessOk(parts_.wal.Append(write.hard_state, write.entries, /*sync=*/true),
                           "writing the log");
      events_.Push(write.number);
    }
  }
}

void ReplicaLoop::RunApply() {
  bool compacting = true;
  for (;;) {
    const auto deadline =
        compacting ? std::optional(std::chrono::steady_clock::now()) : std::nullopt;
    const std::vector<std::vector<raft::Entry>> batches = apply_queue_.PopAll(deadline);
    if (batches.empty() && apply_queue_.closed()) return;
    for (const auto& entries : batches) {
      parts_.applier.Apply(entries);
      const raft::Index last = entries.back().id.index;
      applied_index_.store(last.value(), std::memory_order_release);
      events_.Push(last);
    }
    compacting = parts_.applier.CompactSlice();
  }
}

}  // namespace pintle::server::replica

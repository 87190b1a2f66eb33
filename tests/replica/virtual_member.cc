#include "tests/replica/virtual_member.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMostPending = 5000;
constexpr char kLogFolder[] = "/log";

raft::Config ConfigOf(raft::MemberId id) {
  raft::Config config;
  config.id = id;
  return config;
}

raft::RestoredState Restored(const storage::WalContents& contents,
                             const std::vector<raft::MemberId>& voters, raft::Index applied) {
  raft::RestoredState restored{contents.hard_state, {voters}, applied};
  restored.hard_state.commit_index = std::max(restored.hard_state.commit_index, applied);
  return restored;
}

std::unique_ptr<raft::MemoryLog> LogOf(const storage::WalContents& contents) {
  auto log = std::make_unique<raft::MemoryLog>();
  log->Append(contents.entries);
  return log;
}

std::unique_ptr<kv::Store> OpenStore(kv::Backend& backend) {
  auto store = kv::Store::Open(backend, {});
  PINTLE_CHECK(store.ok(), store.status().ToString());
  return *std::move(store);
}

}  // namespace

VirtualMember::Live::Live(VirtualMember& member, std::unique_ptr<storage::Wal> opened,
                          const storage::WalContents& contents)
    : wal(std::move(opened)),
      store(OpenStore(*member.backend_)),
      hub(watch::Hub::Create({}, [this] { return store->view(); })),
      cluster({}, *member.backend_),
      lessor(store->view()->Leases(), absl::Seconds(1)),
      proposals(kMostPending),
      reads(kMostPending),
      applier({*store, *hub, cluster, lessor, proposals, reads}),
      replica(ConfigOf(member.id_),
              Restored(contents, member.voters_, raft::Index(store->sequence().value())),
              LogOf(contents), member.random_),
      applied_index(store->sequence().value()) {
  reads.Applied(applied_index);
}

VirtualMember::VirtualMember(raft::MemberId id, std::vector<raft::MemberId> voters, uint64_t seed)
    : id_(id), voters_(std::move(voters)), random_(seed) {
  flushed_ = backend_->Clone();
}

void VirtualMember::Start() {
  storage::WalContents contents;
  auto wal =
      storage::Wal::Open(disk_, kLogFolder, {.cluster_id = 1, .member_id = id_.value()},
                         {.first_segment_bytes = 4096, .largest_segment_bytes = 8192}, contents);
  PINTLE_CHECK(wal.ok(), wal.status().ToString());
  live_ = std::make_unique<Live>(*this, *std::move(wal), contents);
  TakeWork();
}

void VirtualMember::Crash() {
  live_.reset();
  sent_.clear();
  disk_.Crash();
  backend_ = std::move(flushed_);
  flushed_ = backend_->Clone();
}

void VirtualMember::Tick() {
  live_->replica.Tick();
  OfferUnsent();
  BeginReads();
  TakeWork();
}

void VirtualMember::Receive(const raft::Message& message) {
  live_->replica.Receive(message);
  TakeWork();
}

void VirtualMember::Propose(uint64_t request_id, RequestKind kind, std::string body,
                            Proposals::Done done) {
  PINTLE_CHECK(live_->proposals.Add(request_id, 0, absl::InfiniteFuture(), done), "too many");
  Offer({request_id, EncodeProposal(request_id, kind, body)});
  TakeWork();
}

// As ReplicaLoop does it.
void VirtualMember::Offer(Proposed proposed) {
  if (!live_->proposals.MarkSent(proposed.id, live_->replica.term().value())) return;
  const raft::ProposeResult result = live_->replica.Propose(proposed.payload);
  if (result.outcome == raft::ProposeOutcome::kAppended ||
      result.outcome == raft::ProposeOutcome::kForwarded) {
    return;
  }
  live_->proposals.MarkSent(proposed.id, 0);
  live_->unsent.push_back(std::move(proposed));
}

void VirtualMember::OfferUnsent() {
  for (Proposed& proposed : std::exchange(live_->unsent, {})) Offer(std::move(proposed));
}

void VirtualMember::Read(ReadGate::Done done) {
  PINTLE_CHECK(live_->reads.Add(absl::InfiniteFuture(), done) != ReadGate::AddResult::kFull,
               "too many");
  BeginReads();
  TakeWork();
}

void VirtualMember::BeginReads() {
  const raft::ReadId id(++live_->last_read);
  if (live_->reads.Begin(id)) live_->replica.Read(id);
}

bool VirtualMember::WriteLog() {
  if (live_->persist.empty()) return false;
  PersistJob job = std::move(live_->persist.front());
  live_->persist.pop_front();
  const absl::Status written = live_->wal->Append(job.hard_state, job.entries, /*sync=*/true);
  PINTLE_CHECK(written.ok(), written.ToString());
  live_->replica.Persisted(job.number);
  TakeWork();
  return true;
}

bool VirtualMember::ApplyBatch() {
  if (live_->apply.empty()) return false;
  const std::vector<raft::Entry> entries = std::move(live_->apply.front());
  live_->apply.pop_front();
  live_->applier.Apply(entries);
  live_->applied_index = entries.back().id.index;
  if (random_.OneIn(8)) flushed_ = backend_->Clone();
  live_->replica.AppliedUpTo(live_->applied_index);
  TakeWork();
  return true;
}

std::vector<raft::Message> VirtualMember::TakeMessages() { return std::exchange(sent_, {}); }

void VirtualMember::TakeWork() {
  while (live_->replica.HasWork()) {
    Work work = live_->replica.TakeWork();
    for (auto& message : work.send) sent_.push_back(std::move(message));
    for (auto& job : work.persist) live_->persist.push_back(std::move(job));
    if (!work.apply.empty()) live_->apply.push_back(std::move(work.apply));
    for (const raft::ReadState& state : work.read_states) {
      for (auto& done : live_->reads.Confirmed(state.id, state.read_index))
        done(live_->store->view());
    }
    for (const raft::ReadId id : work.dropped_reads) live_->reads.Dropped(id);
    if (work.soft_state && work.soft_state->leader != raft::kNoMember) OfferUnsent();
  }
}

}  // namespace pintle::server::replica

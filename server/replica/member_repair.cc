// Member, the part about a store that cannot be used as it is, and how that is found out.
#include <spdlog/spdlog.h>

#include <utility>

#include "base/fault_point.h"
#include "base/status_macros.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/errors.h"
#include "server/replica/member.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {
namespace {

constexpr uint64_t kRepairTicks = 5;

}  // namespace

AlarmProposer::Doors Member::AlarmDoors() {
  return {.propose =
              [this](const std::string& body, std::function<void()> done) {
                ProposeUnchecked(
                    RequestKind::kAlarm, body,
                    [done = std::move(done)](const absl::StatusOr<Applied>&) { done(); });
              },
          .view = [this] { return store_->view(); }};
}

StoreRepair::Doors Member::RepairDoors() {
  return {
      .on_apply_thread =
          [this](std::function<void()> task) { apply_worker_->queue().Push(std::move(task)); },
      .stop_applying =
          [this] {
            apply_worker_->Stop();
            // Nobody is to get a snapshot of it.
            snapshot_worker_->queue().Push(SnapshotWorker::StoreInDoubt{});
          },
      .reopen = [this] { return ReopenStore(); },
      .can_start_anew = [this] { return log_whole_ || cluster_->members().size() > 1; },
      .start_anew = [this] { snapshot_worker_->queue().Push(SnapshotWorker::StartAnew{}); },
      .commit_index = [this] { return driver_->facts().commit_index; },
  };
}

Integrity::Doors Member::IntegrityDoors() {
  return {
      .voters =
          [this] {
            std::vector<raft::MemberId> voters;
            for (const ClusterMember& member : cluster_->members()) {
              if (!member.is_learner) voters.emplace_back(member.id);
            }
            return voters;
          },
      .send =
          [this](const std::string& report) {
            for (const ClusterMember& member : cluster_->members()) {
              if (member.id == options_.member_id) continue;
              doors_.transport.Ask(raft::MemberId(member.id), {PeerTopic::kReport, report},
                                   Integrity::kReportEvery,
                                   [](const absl::StatusOr<std::string>&) {});
            }
          },
      .short_of_room = [this] { return short_of_room(); },
      .keeps_alarm = [this] { return quota_->KeepsAlarm(); },
      .distrust_store = [this](const absl::Status& why) { repair_->Unsound(why); },
      .raise = [this](const kv::Alarm& alarm) { alarms_->Raise(alarm); },
      .clear = [this](const kv::Alarm& alarm) { alarms_->Clear(alarm); },
      .alarms = [this] { return store_->view()->Alarms(); },
      .propose_check =
          [this] {
            ProposeUnchecked(RequestKind::kHashCheck, "", [](const absl::StatusOr<Applied>&) {});
          },
  };
}

bool Member::short_of_room() const {
  return room_->low() || repair_->short_of_room() || log_writer_->waits_for_room();
}

KvHashes::Doors Member::HashDoors() {
  return {.view = [this] { return store_->view(); },
          .wake = [this] { HashOnSnapshotThread(); },
          .damaged = [this](const absl::Status& why) { repair_->Unsound(why); }};
}

// One slice after the other, with what else waits there in between.
void Member::HashOnSnapshotThread() {
  if (hash_queued_.exchange(true)) return;
  snapshot_worker_->queue().Push([this] {
    hash_queued_ = false;
    if (kv_hashes_->Step()) HashOnSnapshotThread();
  });
}

void Member::HashKv(int64_t revision, HashKvDone done) {
  if (closed_) return done(ErrStopped());
  if (!repair_->usable()) return done(ErrStoreUnderRepair());
  kv_hashes_->HashKv(revision, Timed(counters_->key_hashes, std::move(done)));
}

void Member::HashAll(HashKvDone done) {
  if (closed_) return done(ErrStopped());
  if (!repair_->usable()) return done(ErrStoreUnderRepair());
  kv_hashes_->HashAll(Timed(counters_->content_hashes, std::move(done)));
}

Member::HashKvDone Member::Timed(base::Histogram<15>& times, HashKvDone done) const {
  return [&times, &clock = doors_.clock, begun = doors_.clock.Now(),
          done = std::move(done)](const absl::StatusOr<KvHashAnswer>& answer) mutable {
    if (answer.ok()) times.Observe(clock.Now() - begun);
    done(answer);
  };
}

AutoCompactor::Doors Member::CompactorDoors() {
  return {.revision = [this] { return store_->view()->revision(); },
          .compact =
              [this](int64_t revision, std::function<void(const absl::Status&)> done) {
                etcdserverpb::CompactionRequest request;
                request.set_revision(revision);
                ProposeUnchecked(RequestKind::kCompaction, request.SerializeAsString(),
                                 [done = std::move(done)](const absl::StatusOr<Applied>& applied) {
                                   done(applied.status());
                                 });
              }};
}

// Driver's thread. At most one task of a kind waits in a queue.
void Member::OnTick() {
  const bool leads = driver_->facts().soft_state.role == raft::Role::kLeader;
  if (snapshot_worker_->busy()) snapshot_worker_->queue().Push(SnapshotWorker::Ticked{});
  if (content_check_->busy() && !check_queued_.exchange(true)) {
    snapshot_worker_->queue().Push([this] {
      check_queued_ = false;
      content_check_->Step();
    });
  }
  if (options_.least_room_bytes > 0 && !look_queued_.exchange(true)) {
    snapshot_worker_->queue().Push([this] {
      look_queued_ = false;
      room_->Look();
    });
  }
  const bool now_and_then = ++ticks_ % kRepairTicks == 0;
  if (!repair_->sound() && now_and_then && !repair_queued_.exchange(true)) {
    apply_worker_->queue().Push([this] {
      repair_queued_ = false;
      repair_->Tick();
    });
  }
  // Without its store, or with one that stands still, a leader answers nobody.
  if ((!repair_->usable() || repair_->short_of_room()) && leads && now_and_then) {
    driver_->TransferLeadership(raft::kNoMember, [](raft::TransferOutcome) {});
  }
  quota_->Look(doors_.clock.Now());
  auto_compactor_->Tick(doors_.clock.Now(), leads);
  integrity_->Tick(doors_.clock.Now(), leads);
}

// Apply thread, from here on.

void Member::CheckContent(raft::Index index) {
  // What is not deleted yet on one member may be on another.
  if (!store_->compacted()) return integrity_->CheckSkipped();
  content_check_->Begin(FrozenContent(), index);
}

void Member::ContentReplaced() {
  hub_->Reset(store_->view()->revision());
  // Who lost its password in what was jumped over is not known.
  tokens_.DropAll();
  lessor_->Reset(store_->view()->Leases(), doors_.clock.Now());
  cluster_->Reload();
  content_check_->Drop();
  kv_hashes_->DropAll(ErrStoreUnderRepair());
  integrity_->ContentReplaced();
}

void Member::GoBackTo(raft::Index index) {
  ContentReplaced();
  reads_->Rewound(index);
  const uint64_t epoch = apply_worker_->Rewound(index);
  driver_->Rewound(index, epoch);
}

// What was flushed is there; the log has the rest.
absl::Status Member::ReopenStore() {
  const absl::StatusOr<uint64_t> room = doors_.files.FreeBytes(data_dir_->store_folder());
  if (room.ok() && *room < options_.room_to_go_on_bytes) {
    return absl::ResourceExhaustedError("still no room");
  }
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<kv::Backend> backend,
                          options_.open_backend(data_dir_->store_folder()));
  PINTLE_RETURN_IF_ERROR(UseBackend(std::move(backend)));
  GoBackTo(raft::Index(store_->sequence().value()));
  return absl::OkStatus();
}

absl::Status Member::InstallEmpty(std::unique_ptr<kv::Backend> backend) {
  if (!repair_->unsound()) {  // a snapshot was quicker
    backend.reset();
    return data_dir_->DropNewStore();
  }
  base::FaultPoint("member.before_empty_store");
  PINTLE_RETURN_IF_ERROR(data_dir_->UseNewStore());
  const absl::Status loaded = UseBackend(std::move(backend));
  if (!storage::DieUnlessOk(loaded, "opening an empty store")) return loaded;
  repair_->Emptied();
  GoBackTo(raft::Index{});
  return absl::OkStatus();
}

}  // namespace pintle::server::replica

// Member, the part about snapshots: from a store that stands still to a follower that has it.
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "base/canary.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "raft/membership.h"
#include "server/replica/errors.h"
#include "server/replica/member.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {

SnapshotWorker::Doors Member::SnapshotDoors() {
  return {
      .sender = {.send = [this](raft::MemberId peer,
                                raft::InstallSnapshot piece) { SendPiece(peer, std::move(piece)); },
                 .failed =
                     [this](raft::MemberId peer) {
                       driver_->Post([peer](Replica& replica) { replica.SnapshotFailed(peer); });
                     },
                 .damaged = [this](const absl::Status& why) { repair_->Unsound(why); },
                 .begun =
                     [this](raft::MemberId peer) {
                       counters_->snapshots_sent.Begun(peer.value(), doors_.clock.Now());
                     },
                 .ended =
                     [this](raft::MemberId peer, bool success) {
                       counters_->snapshots_sent.Ended(peer.value(), success, doors_.clock.Now());
                     }},
      .receiver = {
          .new_store = [this]() -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
            PINTLE_ASSIGN_OR_RETURN(const std::string folder, data_dir_->NewStoreFolder());
            return options_.open_backend(folder);
          },
          .drop_store =
              [this] {
                if (const absl::Status dropped = data_dir_->DropNewStore(); !dropped.ok())
                  spdlog::warn("a store that is not needed stays: {}", dropped.ToString());
              },
          .answer =
              [this](raft::MemberId to, raft::InstallSnapshotResponse answer) {
                driver_->Post(
                    [to, answer](Replica& replica) { replica.SendSnapshotMessage(to, answer); });
              },
          .install =
              [this](ReceivedStore received) {
                apply_worker_->queue().Push([this, received = std::move(received)]() mutable {
                  absl::Status result = Install(std::move(received));
                  snapshot_worker_->queue().Push(SnapshotWorker::Installed{std::move(result)});
                });
              },
          .sync =
              [this](kv::Backend& store) {
                const absl::Time begun = doors_.clock.Now();
                absl::Status synced = store.Flush();
                counters_->snapshot_syncs.Observe(doors_.clock.Now() - begun);
                return synced;
              },
          .begun =
              [this](raft::MemberId from) {
                counters_->snapshots_received.Begun(from.value(), doors_.clock.Now());
              },
          .ended =
              [this](raft::MemberId from, bool success) {
                counters_->snapshots_received.Ended(from.value(), success, doors_.clock.Now());
              }},
      .clean_up = [this] { return RemoveOldStores(); },
  };
}

// Between two batches: the store, its position and who belongs to the cluster fit together.
void Member::FreezeFor(raft::MemberId peer) {
  apply_worker_->queue().Push([this, peer] {
    const std::optional<std::string> recorded = store_->GetMeta(kConfStateMeta);
    raft::ConfChange conf;
    if (!repair_->sound() || !recorded || !raft::DecodeConfChange(*recorded, conf)) {
      // Soon: the leader writes it down. Asked again then.
      driver_->Post([peer](Replica& replica) { replica.SnapshotFailed(peer); });
      return;
    }
    if (PINTLE_CANARY("snapshot_without_membership")) conf.conf_state = InitialConfState();
    FrozenStore frozen{.content = FrozenContent()};
    frozen.meta.last_entry = {raft::Term(store_->term()), raft::Index(store_->sequence().value())};
    frozen.meta.conf_state = conf.conf_state;
    base::FaultPoint("member.store_frozen");
    integrity_->SnapshotSent();
    snapshot_worker_->queue().Push(SnapshotWorker::Need{peer, std::move(frozen)});
  });
}

void Member::Freeze(FreezeDone done) {
  apply_worker_->queue().Push([this, done = std::move(done)]() mutable {
    if (!repair_->sound()) return done(ErrStoreUnderRepair());
    done(FrozenContent());
  });
}

// Apply thread. Counted as long as somebody holds it.
std::shared_ptr<const kv::BackendReader> Member::FrozenContent() {
  std::shared_ptr<const kv::BackendReader> content = store_->NewSnapshot();
  const kv::BackendReader* const reader = content.get();
  ++counters_->frozen_stores;
  return {reader, [content = std::move(content), counters = counters_, &clock = doors_.clock,
                   begun = doors_.clock.Now()](const kv::BackendReader*) mutable {
            content.reset();
            --counters->frozen_stores;
            counters->frozen_for.Observe(clock.Now() - begun);
          }};
}

void Member::RunInBackground(std::function<void()> work) {
  snapshot_worker_->queue().Push(SnapshotWorker::Task(std::move(work)));
}

void Member::SendPiece(raft::MemberId peer, raft::InstallSnapshot piece) {
  driver_->Post([peer, piece = std::move(piece)](Replica& replica) mutable {
    if (piece.offset == 0) replica.SnapshotSending(peer, piece.meta.last_entry.index);
    replica.SendSnapshotMessage(peer, std::move(piece));
  });
}

absl::Status Member::Install(ReceivedStore received) {
  if (received.empty) return InstallEmpty(std::move(received.backend));
  counters_->installing = true;
  absl::Status installed = InstallSnapshot(std::move(received));
  counters_->installing = false;
  return installed;
}

// Apply thread. The old content stays for those who read it, and goes with the last of them.
absl::Status Member::InstallSnapshot(ReceivedStore received) {
  const raft::Index index = received.meta.last_entry.index;
  if (repair_->usable() && store_->sequence().value() >= index.value()) {
    received.backend.reset();
    return data_dir_->DropNewStore();
  }
  base::FaultPoint("member.before_install");
  PINTLE_RETURN_IF_ERROR(data_dir_->UseNewStore());
  const absl::Status loaded = UseBackend(std::move(received.backend));
  if (!storage::DieUnlessOk(loaded, "loading the store of a snapshot")) return loaded;
  base::FaultPoint("member.installed");
  ContentReplaced();
  integrity_->Installed();
  log_whole_ = false;
  repair_->Restored();
  // What we wait for may be in the snapshot.
  proposals_->SentMayBeApplied();
  const uint64_t epoch = apply_worker_->Restored(received.meta);
  driver_->Restored(received.meta, epoch);
  for (auto& done : reads_->Applied(index)) done(store_->view());
  spdlog::info("installed a snapshot: store at index {}, revision {}", index.value(),
               store_->view()->revision());
  return absl::OkStatus();
}

// The backend, and a mark that is set once it is closed: its files may go then.
absl::Status Member::UseBackend(std::unique_ptr<kv::Backend> backend) {
  auto closed = std::make_shared<std::atomic<bool>>(false);
  const std::shared_ptr<kv::Backend> shared(backend.release(), [closed](kv::Backend* gone) {
    delete gone;  // NOLINT(cppcoreguidelines-owning-memory)
    *closed = true;
  });
  if (store_ == nullptr) {
    kv::StoreOptions options = options_.store;
    // Not before there is a member: what Open finds it returns.
    options.on_damage = [this](const absl::Status& why) {
      if (repair_ != nullptr) repair_->Unsound(why);
    };
    PINTLE_ASSIGN_OR_RETURN(store_, kv::Store::Open(shared, options));
  } else {
    PINTLE_RETURN_IF_ERROR(store_->Reload(shared));
  }
  const std::lock_guard lock(stores_mutex_);
  if (store_closed_ != nullptr) old_stores_closed_.push_back(std::move(store_closed_));
  store_closed_ = std::move(closed);
  return absl::OkStatus();
}

bool Member::RemoveOldStores() {
  {
    const std::lock_guard lock(stores_mutex_);
    for (const auto& closed : old_stores_closed_) {
      if (!*closed) return false;
    }
    old_stores_closed_.clear();
  }
  if (const absl::Status removed = data_dir_->RemoveOldStores(); !removed.ok())
    spdlog::warn("an old store stays: {}", removed.ToString());
  return true;
}

}  // namespace pintle::server::replica

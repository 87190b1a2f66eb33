// ApplyWorker: the apply thread's work, one turn at a time: committed entries in batches, and in
// between tasks that need the store to stand still, and slices of compaction.
//
// Thread: apply (the simulator's only one); queue(), Post and applied_index() from any.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "raft/entry.h"
#include "raft/types.h"
#include "server/replica/applier.h"
#include "server/replica/apply_job.h"
#include "server/replica/batch_queue.h"

namespace pintle::server::replica {

class ApplyWorker {
 public:
  // `applied` is told the last index of each batch.
  ApplyWorker(Applier& applier, raft::Index applied_index, std::function<void(raft::Index)> applied)
      : applier_(applier), applied_(std::move(applied)), applied_index_(applied_index.value()) {}

  // A task runs between two batches.
  using Task = absl::AnyInvocable<void()>;
  using Work = std::variant<ApplyJob, Task>;
  BatchQueue<Work>& queue() { return queue_; }

  // For checkers: is shown each batch before it is applied.
  using Observer = std::function<void(const std::vector<raft::Entry>&)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }
  // Is told what has been installed.
  using RestoreObserver = std::function<void(const raft::SnapshotMeta&)>;
  void SetRestoreObserver(RestoreObserver observer) { restored_ = std::move(observer); }

  using RewindObserver = std::function<void(raft::Index)>;
  void SetRewindObserver(RewindObserver observer) { rewound_ = std::move(observer); }

  // The store could not be written: nothing is applied until Restored or Rewound.
  using FailureHandler = std::function<void(const absl::Status&)>;
  void SetFailureHandler(FailureHandler handler) { failed_ = std::move(handler); }
  // Everything up to a kHashCheck entry is written, and nothing behind it.
  using CheckHandler = std::function<void(raft::Index)>;
  void SetCheckHandler(CheckHandler handler) { check_ = std::move(handler); }

  // Applies everything that is queued, then does one slice of compaction. True while there is more
  // to compact: come back without waiting.
  bool Step();

  // From a task or a handler: what is queued, or comes, is dropped until the store has another
  // content.
  void Stop();
  // From a task: the store is that snapshot now, or is at an older position. The epoch that begins
  // (apply_job.h).
  uint64_t Restored(const raft::SnapshotMeta& meta);
  uint64_t Rewound(raft::Index index);

  raft::Index applied_index() const {
    return raft::Index(applied_index_.load(std::memory_order_acquire));
  }

 private:
  void ApplyJobOf(const ApplyJob& job);
  void ApplyBatch(std::span<const raft::Entry> entries);
  uint64_t Begin(raft::Index index);

  Applier& applier_;
  const std::function<void(raft::Index)> applied_;
  BatchQueue<Work> queue_;
  Observer observer_;
  RestoreObserver restored_;
  RewindObserver rewound_;
  FailureHandler failed_ = [](const absl::Status&) {};
  CheckHandler check_ = [](raft::Index) {};
  uint64_t epoch_ = 0;
  bool stopped_ = false;
  std::atomic<uint64_t> applied_index_;
};

}  // namespace pintle::server::replica

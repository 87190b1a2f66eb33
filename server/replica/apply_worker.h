// ApplyWorker: the apply thread's work, one turn at a time: committed entries in batches, and a
// slice of compaction in between.
//
// Thread: apply (the simulator's only one); applied_index() from any.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

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

  BatchQueue<ApplyJob>& queue() { return queue_; }

  // For checkers: is shown each batch before it is applied.
  using Observer = std::function<void(const std::vector<raft::Entry>&)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // Applies everything that is queued, then does one slice of compaction. True while there is more
  // to compact: come back without waiting.
  bool Step();

  raft::Index applied_index() const {
    return raft::Index(applied_index_.load(std::memory_order_acquire));
  }

 private:
  Applier& applier_;
  const std::function<void(raft::Index)> applied_;
  BatchQueue<ApplyJob> queue_;
  Observer observer_;
  uint64_t epoch_ = 0;
  std::atomic<uint64_t> applied_index_;
};

}  // namespace pintle::server::replica

#include "server/replica/apply_worker.h"

#include "base/fault_point.h"

namespace pintle::server::replica {

bool ApplyWorker::Step() {
  for (Work& work : queue_.TakeAll()) {
    if (auto* task = std::get_if<Task>(&work)) {
      (*task)();
    } else {
      ApplyBatch(std::get<ApplyJob>(work));
    }
  }
  return applier_.CompactSlice();
}

void ApplyWorker::ApplyBatch(const ApplyJob& job) {
  if (job.epoch != epoch_) return;
  const std::vector<raft::Entry>& entries = job.entries;
  base::FaultPoint("apply.before_batch");
  if (observer_) observer_(entries);
  applier_.Apply(entries);
  const raft::Index last = entries.back().id.index;
  applied_index_.store(last.value(), std::memory_order_release);
  base::FaultPoint("apply.after_batch");
  applied_(last);
}

uint64_t ApplyWorker::Restored(const raft::SnapshotMeta& meta) {
  if (restored_) restored_(meta);
  applied_index_.store(meta.last_entry.index.value(), std::memory_order_release);
  return ++epoch_;
}

}  // namespace pintle::server::replica

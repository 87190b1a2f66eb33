#include "server/replica/apply_worker.h"

#include "base/fault_point.h"

namespace pintle::server::replica {

bool ApplyWorker::Step() {
  for (const ApplyJob& job : queue_.TakeAll()) {
    if (job.epoch != epoch_) continue;
    const std::vector<raft::Entry>& entries = job.entries;
    base::FaultPoint("apply.before_batch");
    if (observer_) observer_(entries);
    applier_.Apply(entries);
    const raft::Index last = entries.back().id.index;
    applied_index_.store(last.value(), std::memory_order_release);
    base::FaultPoint("apply.after_batch");
    applied_(last);
  }
  return applier_.CompactSlice();
}

}  // namespace pintle::server::replica

#include "server/replica/apply_worker.h"

#include <algorithm>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/fault_point.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

bool IsHashCheck(const raft::Entry& entry) {
  DecodedProposal proposal;
  return entry.kind == raft::EntryKind::kNormal && DecodeProposal(entry.bytes(), proposal) &&
         proposal.kind == RequestKind::kHashCheck;
}

}  // namespace

bool ApplyWorker::Step() {
  for (Work& work : queue_.TakeAll()) {
    if (auto* task = std::get_if<Task>(&work)) {
      (*task)();
    } else {
      ApplyJobOf(std::get<ApplyJob>(work));
    }
  }
  if (stopped_) return false;
  const absl::StatusOr<bool> more = applier_.CompactSlice();
  if (!more.ok()) failed_(more.status());
  return more.ok() && *more;
}

void ApplyWorker::ApplyJobOf(const ApplyJob& job) {
  if (job.epoch != epoch_ || stopped_) return;
  base::FaultPoint("apply.before_batch");
  if (observer_) observer_(job.entries);
  std::span<const raft::Entry> rest(job.entries);
  while (!rest.empty() && !stopped_) {
    const auto check = std::find_if(rest.begin(), rest.end(), IsHashCheck);
    const bool ends_with_check = check != rest.end();
    const auto size = static_cast<size_t>(check - rest.begin()) + (ends_with_check ? 1 : 0);
    ApplyBatch(rest.first(size));
    if (ends_with_check && !stopped_) check_(check->id.index);
    rest = rest.subspan(size);
  }
}

void ApplyWorker::ApplyBatch(std::span<const raft::Entry> entries) {
  if (const absl::Status applied = applier_.Apply(entries); !applied.ok()) {
    stopped_ = true;
    return failed_(applied);
  }
  const raft::Index last = entries.back().id.index;
  applied_index_.store(last.value(), std::memory_order_release);
  base::FaultPoint("apply.after_batch");
  applied_(last);
}

void ApplyWorker::Stop() { stopped_ = true; }

uint64_t ApplyWorker::Begin(raft::Index index) {
  stopped_ = false;
  applied_index_.store(index.value(), std::memory_order_release);
  return ++epoch_;
}

uint64_t ApplyWorker::Restored(const raft::SnapshotMeta& meta) {
  if (restored_) restored_(meta);
  return Begin(meta.last_entry.index);
}

uint64_t ApplyWorker::Rewound(raft::Index index) {
  if (rewound_) rewound_(index);
  return Begin(index);
}

}  // namespace pintle::server::replica

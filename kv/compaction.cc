#include "kv/compaction.h"

#include "base/canary.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "kv/record.h"

namespace pintle::kv {

absl::StatusOr<bool> Compaction::Run(WorkingState& state, int64_t compact_revision) {
  if (compact_revision <= finished_) return false;
  if (target_ <= finished_) {
    target_ = compact_revision;
    next_key_.clear();
  }
  BackendBatch batch;
  int64_t freed = 0;
  const KeyIndex::Progress progress =
      state.keys.Compact(target_, next_key_, slice_, [&](const KeyIndex::Removed& removed) {
        if (PINTLE_CANARY("compaction_drops_tombstone") && !removed.tombstone) return;
        std::string key = RecordKey(removed.revision, removed.tombstone);
        freed += static_cast<int64_t>(key.size() + removed.record_bytes);
        cache_.Erase(removed.revision);
        batch.Delete(std::move(key));
      });
  deleted_records_ += batch.ops.size();
  next_key_ = progress.next;
  if (!progress.more) {
    batch.Put(FinishedCompactionKey(), EncodeNumber(target_));
    finished_ = target_;
  }
  state.size_bytes -= freed;
  if (batch.ops.empty()) return compact_revision > finished_;
  base::FaultPoint("kv.before_compaction_write");
  PINTLE_RETURN_IF_ERROR(backend_.Apply(batch));
  base::FaultPoint("kv.after_compaction_write");
  return compact_revision > finished_;
}

}  // namespace pintle::kv

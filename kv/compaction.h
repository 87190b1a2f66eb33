// Compaction: removes, slice by slice, the records that nobody can ask for any more.
//
// The logical side (readers are refused) happened when the Compact command was applied, and its
// marker is stored in the same batch; so a compaction that was interrupted is taken up again at
// Open. Apply thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/value_cache.h"
#include "kv/working_state.h"

namespace pintle::kv {

class Compaction {
 public:
  Compaction(Backend& backend, ValueCache& cache, int slice)
      : backend_(backend), cache_(cache), slice_(slice) {}

  // What Open found: everything below this is gone already.
  void SetFinished(int64_t revision) { finished_ = revision; }

  // Since it was made.
  uint64_t deleted_records() const { return deleted_records_; }

  bool FinishedUpTo(int64_t compact_revision) const { return compact_revision <= finished_; }

  // Deletes up to one slice of what is dead at `compact_revision`; true while there is more. The
  // index forgets what the backend no longer has.
  absl::StatusOr<bool> Run(WorkingState& state, int64_t compact_revision);

 private:
  Backend& backend_;
  ValueCache& cache_;
  const int slice_;
  uint64_t deleted_records_ = 0;
  int64_t finished_ = -1;
  int64_t target_ = -1;  // of the walk under way; equal to finished_ when there is none
  std::string next_key_;
};

}  // namespace pintle::kv

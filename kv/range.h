// Range, as etcd evaluates it (etcd-api 1.1.3), over one key-index root. Pure but for the records
// it reads.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "kv/command.h"
#include "kv/key_index.h"
#include "kv/record_reader.h"

namespace pintle::kv {

// What a range is read from.
struct RangeSource {
  const KeyTree::Node* root = nullptr;
  int64_t root_revision = 0;  // the newest change in `root`
  int64_t revision = 0;       // the newest revision that may be asked for; goes into the answer
  int64_t compact_revision = 0;
  const RecordReader& records;
};

// The revision that a request reads at, or ErrFutureRevision, ErrCompacted.
absl::StatusOr<int64_t> ReadRevision(const RangeRequest& request, int64_t revision,
                                     int64_t compact_revision);

// Errors: those of ReadRevision, and those of the records.
absl::StatusOr<RangeResult> EvaluateRange(const RangeSource& source, const RangeRequest& request);

}  // namespace pintle::kv

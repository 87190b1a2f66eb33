// WorkingState: the store as the apply thread sees it, ahead of what is published. The pieces that
// commands change.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "kv/alarm_set.h"
#include "kv/auth/auth_table.h"
#include "kv/backend.h"
#include "kv/key_index.h"
#include "kv/lease_table.h"
#include "kv/range.h"
#include "kv/record_reader.h"
#include "kv/types.h"

namespace pintle::kv {

struct WorkingState {
  WorkingState(const StoredRecords& stored, ValueCache& cache, std::atomic<int64_t>& size)
      : keys(reclaimer), leases(reclaimer), records(stored, cache), size_bytes(size) {}

  RangeSource Source(int64_t read_revision) const {
    return {.root = keys.root(),
            .root_revision = read_revision,
            .revision = read_revision,
            .compact_revision = compact_revision,
            .records = records};
  }

  // A record that the state needs cannot be read: what this member would answer is no longer what
  // the others answer. Remembered, and returned by the next Write: the process must stop.
  void Fail(const absl::Status& status) {
    if (failure.ok()) failure = status;
  }

  Reclaimer reclaimer;  // first: the trees retire into it until they are gone
  KeyIndex keys;
  LeaseTable leases;
  PendingRecords records;
  BackendBatch batch;  // what the next Write writes
  int64_t revision = 1;
  int64_t compact_revision = -1;
  std::atomic<int64_t>& size_bytes;
  std::map<std::string, std::string, std::less<>> server;  // PutMeta
  AlarmSet alarms;
  auth::AuthTable auth;
  absl::Status failure;
};

}  // namespace pintle::kv

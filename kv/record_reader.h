// RecordReader: from a revision to the pair written there.
//
// StoredRecords reads what the backend has, through the cache, from any thread. PendingRecords adds
// what the running batch has made and the backend does not have yet: for the apply thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"
#include "kv/types.h"
#include "kv/value_cache.h"

namespace pintle::kv {

class RecordReader {
 public:
  virtual ~RecordReader() = default;

  // NOT_FOUND when there is no record (compacted away, or never written); DATA_LOSS when it is
  // damaged.
  virtual absl::StatusOr<EncodedKeyValue> Get(Revision revision) const = 0;

  // One pair per revision, in the order asked. What is not in memory is read in revision order,
  // which is the order on the disk. Fails whole with the first error.
  absl::StatusOr<std::vector<EncodedKeyValue>> GetAll(std::span<const Revision> revisions) const;

 protected:
  virtual EncodedKeyValue InMemory(Revision revision) const = 0;
};

class StoredRecords : public RecordReader {
 public:
  StoredRecords(const Backend& backend, ValueCache& cache) : backend_(backend), cache_(cache) {}

  absl::StatusOr<EncodedKeyValue> Get(Revision revision) const override;
  EncodedKeyValue InMemory(Revision revision) const override { return cache_.Get(revision); }

 private:
  const Backend& backend_;
  ValueCache& cache_;
};

class PendingRecords : public RecordReader {
 public:
  PendingRecords(const StoredRecords& stored, ValueCache& cache) : stored_(stored), cache_(cache) {}

  // Revisions only grow within a batch.
  void Add(Revision revision, EncodedKeyValue pair);
  // The batch is in the backend.
  void Clear() { pending_.clear(); }

  absl::StatusOr<EncodedKeyValue> Get(Revision revision) const override;
  EncodedKeyValue InMemory(Revision revision) const override;

 private:
  const StoredRecords& stored_;
  ValueCache& cache_;
  std::vector<std::pair<Revision, EncodedKeyValue>> pending_;
};

}  // namespace pintle::kv

// Backend: ordered bytes on a disk, the only thing the store asks of storage.
//
// server/storage/leveldb_backend implements it for production, kv/memory_backend for tests and the
// simulator. Threads: Apply() from the apply thread only; Get, Scan, NewSnapshot from any thread.
// Durability: none is promised by Apply. After a crash the backend holds the effect of a prefix of
// the applied batches, each whole or not at all (DESIGN 5.5); the write-ahead log has the rest.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/types.h"

namespace pintle::kv {

struct BackendBatch {
  struct Op {
    std::string key;
    std::shared_ptr<const std::string> value;  // null: delete
  };
  std::vector<Op> ops;
  Sequence sequence;  // the newest applied position that this batch leads to; 0: it does not move

  void Put(std::string key, std::string value) {
    ops.push_back({std::move(key), std::make_shared<const std::string>(std::move(value))});
  }
  void PutShared(std::string key, std::shared_ptr<const std::string> value) {
    ops.push_back({std::move(key), std::move(value)});
  }
  void Delete(std::string key) { ops.push_back({std::move(key), nullptr}); }
};

// What can be read: a backend as it is, or one frozen at a moment.
class BackendReader {
 public:
  virtual ~BackendReader() = default;

  // NOT_FOUND when absent; DATA_LOSS when the stored bytes do not pass their checksum.
  virtual absl::StatusOr<std::string> Get(std::string_view key) const = 0;

  // Calls `visit` for keys in [first, last) in order until it returns false. DATA_LOSS when
  // something on the way was damaged, also when it was before the place where `visit` stopped.
  virtual absl::Status Scan(
      std::string_view first, std::string_view last,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

class Backend : public BackendReader {
 public:
  // All of the batch or, on an error, an unknown part of it: the caller must stop the process.
  [[nodiscard]] virtual absl::Status Apply(const BackendBatch& batch) = 0;

  // The newest position applied in this run that a crash cannot lose; 0 until there is one. (What
  // was found when the backend was opened is durable by itself.) Any thread.
  virtual Sequence durable_sequence() const = 0;

  // Makes everything applied so far durable; waits for the disk. Apply thread.
  [[nodiscard]] virtual absl::Status Flush() = 0;

  // Everything as it is now, whatever is applied later. Cheap to take; what is deleted meanwhile
  // takes room until it is dropped. Any thread; read from any one thread at a time; the backend
  // outlives it.
  virtual std::unique_ptr<const BackendReader> NewSnapshot() const = 0;
};

}  // namespace pintle::kv

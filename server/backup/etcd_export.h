// EtcdExport: what a store holds, as the bytes of an etcd database file, in order (the body of
// Maintenance.Snapshot). docs/formats/backup.md says what becomes what.
//
//     while (*export.Measure()) {}   // reads everything once: how large the file will be
//     for (bytes = *export.Next(); !bytes.empty(); …)
//
// A file's first pages name its root, which comes last; so everything is read twice, and nothing is
// kept on a disk that may be full. Each call does one slice: about kSliceBytes are read. The same
// content gives the same bytes.
//
// Owner and thread: one at a time, wherever the disk may be read. Memory: a slice and a page or
// two. Errors: the backend's (DATA_LOSS: it is damaged); INVALID_ARGUMENT for a name that bbolt
// does not take. After one, no further call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/backend.h"

namespace pintle::server::backup {

class EtcdExport {
 public:
  static constexpr size_t kSliceBytes = size_t{256} << 10;

  // `content` is a store's: kv::Store::NewSnapshot().
  explicit EtcdExport(std::shared_ptr<const kv::BackendReader> content);
  ~EtcdExport();

  // True: to be called again.
  absl::StatusOr<bool> Measure();
  // Of the file; after Measure() said false.
  uint64_t total_bytes() const;
  // The next bytes, none at the end.
  absl::StatusOr<std::string> Next();

 private:
  class Pass;

  const std::shared_ptr<const kv::BackendReader> content_;
  std::unique_ptr<Pass> pass_;
  uint64_t pages_ = 0;
  std::string preface_;
};

}  // namespace pintle::server::backup

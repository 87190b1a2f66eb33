// ContentHash: one number over everything that a store holds, read from the disk with its checksums
// checked. It finds what the hash chain cannot: bytes that changed after they were written.
//
// Members that applied the same entries have the same one, provided that their compactions have
// come to an end there (Store::compacted): records, leases, the server's state and the compact
// revision are part of it, what a member notes for itself is not.
//
//     H = h over the compact revision, and every key and value in order
//
// where h folds byte strings with XXH3, each result being the seed of the next. The number is not
// stored anywhere; members compare it (docs/formats/peers.md, "Reports").
//
// Owner and thread: one at a time; no step reads much more than it is told. Errors: the backend's
// (DATA_LOSS: damaged).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "kv/backend.h"

namespace pintle::kv {

class ContentHash {
 public:
  // `content`: Store::NewSnapshot().
  explicit ContentHash(std::shared_ptr<const BackendReader> content)
      : content_(std::move(content)) {}

  // Reads on, about `max_bytes` of keys and values, until done().
  absl::Status Step(size_t max_bytes);
  bool done() const { return done_; }
  // Once it is done.
  uint64_t hash() const { return hash_; }

 private:
  absl::Status Begin();

  const std::shared_ptr<const BackendReader> content_;
  std::string from_;  // the first key that has not been read
  uint64_t hash_ = 0;
  bool begun_ = false;
  bool done_ = false;
};

}  // namespace pintle::kv

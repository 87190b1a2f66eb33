// ContentCheck: reads all of a frozen store at a bounded rate, so that bytes which went bad are
// found although nobody asks for them, and makes the hash that members compare.
//
// Begin: from the apply thread, between two batches, at the position of a kHashCheck entry. Step:
// one slice, on the snapshot thread, at every tick: kBytesPerStep in 100 ms are at most 20 MB/s.
// busy() from any. One check at a time: a newer one takes the place of the one under way.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "kv/content_hash.h"
#include "raft/types.h"
#include "server/replica/checkpoint.h"

namespace pintle::server::replica {

class ContentCheck {
 public:
  static constexpr size_t kBytesPerStep = size_t{2} << 20;

  struct Doors {
    std::function<void(const Checkpoint&)> done;
    std::function<void(const absl::Status& why)> damaged;
  };
  explicit ContentCheck(Doors doors) : doors_(std::move(doors)) {}

  void Begin(std::shared_ptr<const kv::BackendReader> content, raft::Index index);
  void Step();
  // The store has another content: what it was does not matter.
  void Drop();

  bool busy() const { return busy_.load(std::memory_order_relaxed); }

 private:
  struct Check {
    kv::ContentHash hash;
    raft::Index index;
  };
  void Finish(const std::shared_ptr<Check>& check);

  const Doors doors_;
  std::mutex mutex_;  // not held while reading
  std::shared_ptr<Check> check_;
  std::atomic<bool> busy_{false};
};

}  // namespace pintle::server::replica

#include "server/replica/content_check.h"

#include <utility>

#include "base/fault_point.h"

namespace pintle::server::replica {

void ContentCheck::Begin(std::shared_ptr<const kv::BackendReader> content, raft::Index index) {
  auto check = std::make_shared<Check>(Check{kv::ContentHash(std::move(content)), index});
  base::FaultPoint("check.begun");
  const std::lock_guard lock(mutex_);
  std::swap(check_, check);
  busy_ = true;
}

void ContentCheck::Step() {
  std::shared_ptr<Check> check;
  {
    const std::lock_guard lock(mutex_);
    check = check_;
  }
  if (check == nullptr) return;
  const absl::Status read = check->hash.Step(kBytesPerStep);
  base::FaultPoint("check.slice_read");
  if (read.ok() && !check->hash.done()) return;
  Finish(check);
  if (absl::IsDataLoss(read)) doors_.damaged(read);
  if (read.ok()) {
    doors_.done({Checkpoint::Kind::kContent, check->index, check->hash.hash()});
    base::FaultPoint("check.done");
  }
}

void ContentCheck::Finish(const std::shared_ptr<Check>& check) {
  const std::lock_guard lock(mutex_);
  if (check_ != check) return;
  check_.reset();
  busy_ = false;
}

void ContentCheck::Drop() {
  std::shared_ptr<Check> dropped;  // freed outside the lock
  const std::lock_guard lock(mutex_);
  std::swap(dropped, check_);
  busy_ = false;
}

}  // namespace pintle::server::replica

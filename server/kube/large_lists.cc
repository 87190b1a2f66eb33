#include "server/kube/large_lists.h"

#include <utility>

namespace pintle::server::kube {

LargeLists::TurnPtr LargeLists::TryEnter() {
  const std::lock_guard lock(mutex_);
  if (under_way_ == kMostAtOnce) return nullptr;
  ++under_way_;
  return std::make_unique<Turn>(*this);
}

bool LargeLists::Enter(net::Executor& executor, absl::AnyInvocable<void(TurnPtr)> go) {
  Waiting entry{&executor, std::move(go)};
  {
    const std::lock_guard lock(mutex_);
    if (under_way_ == kMostAtOnce) {
      if (waiting_.size() == kMostWaiting) return false;
      waiting_.push_back(std::move(entry));
      return true;
    }
    ++under_way_;
  }
  Post(std::move(entry));
  return true;
}

// The turn goes on to whoever waits longest.
void LargeLists::Leave() {
  Waiting next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --under_way_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  Post(std::move(next));
}

void LargeLists::Post(Waiting next) {
  next.executor->Post([go = std::move(next.go), turn = std::make_unique<Turn>(*this)]() mutable {
    go(std::move(turn));
  });
}

}  // namespace pintle::server::kube

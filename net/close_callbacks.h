// CloseCallbacks: the OnClose of calls and exchanges. Each callback runs once, also one registered
// after the end.
#pragma once

#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "net/executor.h"

namespace pintle::net {

class CloseCallbacks {
 public:
  void Add(Executor& executor, absl::AnyInvocable<void()> callback) {
    if (closed_) {
      executor.Post(std::move(callback));  // never from inside the caller's own call
    } else {
      callbacks_.push_back(std::move(callback));
    }
  }

  void Run() {
    if (std::exchange(closed_, true)) return;
    auto callbacks = std::move(callbacks_);
    callbacks_.clear();
    for (absl::AnyInvocable<void()>& callback : callbacks) callback();
  }

 private:
  absl::InlinedVector<absl::AnyInvocable<void()>, 1> callbacks_;
  bool closed_ = false;
};

}  // namespace pintle::net

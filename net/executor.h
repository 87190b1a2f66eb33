// Executor: "later, on my thread". The one thing of the event loop that users of net/ see; Asio
// stays inside.
//
// Each connection lives on one I/O thread for its whole life; its calls, their callbacks and their
// timers run there and nowhere else, so that a handler needs no lock. Other threads come back to it
// with Post().
#pragma once

#include <functional>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace pintle::net {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `work` on the executor's thread, in order of posting; any thread. Dropped when the loop
  // has stopped.
  virtual void Post(absl::AnyInvocable<void()> work) = 0;

  // Runs `work` once, `delay` from now, on the executor's thread. Destroying the Timer (on that
  // thread) cancels it.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  [[nodiscard]] virtual std::unique_ptr<Timer> After(absl::Duration delay,
                                                     absl::AnyInvocable<void()> work) = 0;

  virtual bool OnThread() const = 0;  // true when called on the executor's thread
};

}  // namespace pintle::net

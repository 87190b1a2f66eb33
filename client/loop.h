// Loop: the thread, the clock and the dice that everything in client/ runs on.
//
// Thread: all objects built on one Loop belong to its executor's thread. Owner: the program
// (ControllersMain) or a test, which gives an executor and a clock of virtual time and a fixed
// seed, so that nothing here ever reads the machine's own clock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <utility>

#include "absl/time/time.h"
#include "net/executor.h"

namespace pintle::client {

struct Loop {
  net::Executor& executor;
  std::function<absl::Time()> now;
  std::mt19937_64 random;

  using Timer = std::unique_ptr<net::Executor::Timer>;
  [[nodiscard]] Timer After(absl::Duration delay, absl::AnyInvocable<void()> work) {
    return executor.After(delay, std::move(work));
  }
  // Evenly in [delay, delay * (1 + spread)): keeps many clients from retrying in step.
  absl::Duration Jitter(absl::Duration delay, double spread) {
    const double unit = static_cast<double>(random() >> 11) * 0x1.0p-53;
    return delay * (1.0 + spread * unit);
  }
};

}  // namespace pintle::client

#include "server/replica/replica_loop.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace pintle::server::replica {
namespace {

// A full disk is looked at again this often.
constexpr auto kRoomWait = std::chrono::milliseconds(500);
constexpr int kMostTicksAtOnce = 3;  // after a stall: catching up on all of them would only elect

// Members' clock and the queues' are the same one, counted from different moments.
std::chrono::steady_clock::time_point WakeAt(const Driver& driver,
                                             std::chrono::steady_clock::time_point next_tick) {
  const std::optional<absl::Time> deadline = driver.deadline();
  if (!deadline) return next_tick;
  const std::chrono::steady_clock::time_point due(
      absl::ToChronoNanoseconds(*deadline - absl::UnixEpoch()));
  return std::min(next_tick, due);
}

}  // namespace

void ReplicaLoop::Start() {
  wal_thread_ = std::thread([this] { RunWal(); });
  apply_thread_ = std::thread([this] { RunApply(); });
  snapshot_thread_ = std::thread([this] { RunSnapshots(); });
  replica_thread_ = std::thread([this] { RunReplica(); });
}

void ReplicaLoop::Stop() {
  if (!replica_thread_.joinable()) return;
  member_.driver().events().Close();
  replica_thread_.join();
  member_.snapshots().queue().Close();
  snapshot_thread_.join();
  member_.log_writer().queue().Close();
  wal_thread_.join();
  member_.apply_worker().queue().Close();
  apply_thread_.join();
}

void ReplicaLoop::RunReplica() {
  using Steady = std::chrono::steady_clock;
  Driver& driver = member_.driver();
  auto next_tick = Steady::now() + tick_;
  driver.DispatchAll();
  while (!driver.events().closed()) {
    driver.events().Wait(WakeAt(driver, next_tick));
    driver.TakeEvents();
    for (int i = 0; i < kMostTicksAtOnce && Steady::now() >= next_tick; ++i) {
      next_tick += tick_;
      driver.Tick();
    }
    if (Steady::now() >= next_tick) next_tick = Steady::now() + tick_;
    driver.DispatchAll();
  }
}

void ReplicaLoop::RunWal() {
  LogWriter& writer = member_.log_writer();
  for (;;) {
    const auto again = std::chrono::steady_clock::now() + kRoomWait;
    if (!writer.queue().Wait(writer.waits_for_room() ? std::optional(again) : std::nullopt)) return;
    writer.Step();
  }
}

void ReplicaLoop::RunApply() {
  ApplyWorker& worker = member_.apply_worker();
  bool more = true;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (!worker.queue().Wait(more ? std::optional(now) : std::nullopt)) return;
    more = worker.Step();
  }
}

void ReplicaLoop::RunSnapshots() {
  SnapshotWorker& worker = member_.snapshots();
  while (worker.queue().Wait()) worker.Step();
}

}  // namespace pintle::server::replica

// LogWriter: the wal thread's work, one turn at a time. What has queued up becomes one write and
// one sync; then the driver is told. The next batch forms while the disk works: group commit
// without timers.
//
// A full disk is waited for: nothing is acknowledged meanwhile, raft sees a disk that stalls, and
// the same write is tried again at every Step. Any other failure ends the process.
//
// Thread: wal (the simulator's only one).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <optional>

#include "raft/ready.h"
#include "server/replica/batch_queue.h"
#include "server/replica/replica.h"
#include "server/storage/wal.h"

namespace pintle::server::replica {

class LogWriter {
 public:
  // `durable` is told the number of the last job of each write.
  LogWriter(storage::Wal& wal, std::function<void(raft::ReadyNumber)> durable)
      : wal_(wal), durable_(std::move(durable)) {}

  BatchQueue<PersistJob>& queue() { return queue_; }

  // Entries before it are not needed any more. Any thread; done with one of the next writes.
  void DropBefore(raft::Index first_kept) {
    first_kept_.store(first_kept.value(), std::memory_order_relaxed);
  }

  // For checkers: is shown each write once it is durable, before anybody else hears of it.
  using Observer = std::function<void(const PersistJob&)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // Writes everything that is queued. False: there was nothing.
  bool Step();
  // The last Step found no room on the disk: come back in a while, also when nothing is queued.
  // Any thread.
  bool waits_for_room() const { return waits_for_room_.load(std::memory_order_relaxed); }

 private:
  void TakeNextWrite();
  absl::Status Write();
  absl::Status DropOld();
  void NoteRoom(bool room);

  storage::Wal& wal_;
  const std::function<void(raft::ReadyNumber)> durable_;
  BatchQueue<PersistJob> queue_;
  Observer observer_;
  std::deque<PersistJob> jobs_;      // taken, not yet part of a write
  std::optional<PersistJob> write_;  // taken, not yet durable
  std::atomic<bool> waits_for_room_{false};
  std::atomic<uint64_t> first_kept_{0};
};

}  // namespace pintle::server::replica

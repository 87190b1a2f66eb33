// LogWriter: the wal thread's work, one turn at a time. What has queued up becomes one write and
// one sync; then the driver is told. The next batch forms while the disk works: group commit
// without timers.
//
// Thread: wal (the simulator's only one). A log that cannot be written ends the process.
#pragma once

#include <functional>

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

  // For checkers: is shown each write once it is durable, before anybody else hears of it.
  using Observer = std::function<void(const PersistJob&)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // Writes everything that is queued. False: there was nothing.
  bool Step();

 private:
  storage::Wal& wal_;
  const std::function<void(raft::ReadyNumber)> durable_;
  BatchQueue<PersistJob> queue_;
  Observer observer_;
};

}  // namespace pintle::server::replica

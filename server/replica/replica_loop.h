// ReplicaLoop: the threads of a member. Each waits for its queue and calls the Steps of member.h.
//
//   replica   driver: raft, the tick, all deadlines
//   wal       log writer: one write and one sync for what has queued up
//   apply     apply worker: committed entries in batches, compaction when idle
//   snapshot  snapshot worker: pieces that are sent and received
//
// Owner: ReplicaNode. The member outlives it. Stop() joins; what still waits is the member's to
// answer.
#pragma once

#include <chrono>
#include <thread>

#include "server/replica/member.h"

namespace pintle::server::replica {

class ReplicaLoop {
 public:
  // `tick`: one heartbeat interval.
  ReplicaLoop(Member& member, std::chrono::milliseconds tick) : member_(member), tick_(tick) {}
  ~ReplicaLoop() { Stop(); }

  void Start();
  void Stop();

 private:
  void RunReplica();
  void RunWal();
  void RunApply();
  void RunSnapshots();

  Member& member_;
  const std::chrono::milliseconds tick_;
  std::thread replica_thread_;
  std::thread wal_thread_;
  std::thread apply_thread_;
  std::thread snapshot_thread_;
};

}  // namespace pintle::server::replica

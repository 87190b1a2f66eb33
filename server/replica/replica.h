// Replica: raft, its log in memory, and the order of work around them. Steppable: no thread, no
// Asio, no clock; the loop (replica_loop.h) and a simulator drive the very same object.
//
// Inputs change state only; TakeWork hands out what follows from them. The owner of the work must
//   1. send `send` at once, in parallel with the disk;
//   2. write `persist` jobs in order and, when they are durable, call Persisted with the last job's
//   number;
//   3. apply `apply` in order and call AppliedUpTo.
// Messages that promise something (votes, acknowledgements) are held here until their job is
// durable.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "raft/config.h"
#include "raft/memory_log.h"
#include "raft/message.h"
#include "raft/random.h"
#include "raft/raw_node.h"
#include "raft/ready.h"
#include "raft/status.h"
#include "server/replica/log_retention.h"

namespace pintle::server::replica {

// One write of the log.
struct PersistJob {
  raft::ReadyNumber number;
  std::optional<raft::HardState> hard_state;
  std::optional<raft::LogBase> log_base;  // before the entries
  std::vector<raft::Entry> entries;
};

struct Work {
  std::vector<raft::Message> send;
  std::vector<PersistJob> persist;
  std::vector<raft::Entry> apply;
  std::vector<raft::ReadState> read_states;
  std::vector<raft::ReadId> dropped_reads;
  std::vector<raft::Message> snapshot_messages;
  std::vector<raft::MemberId> peers_need_snapshot;
  std::optional<raft::SoftState> soft_state;  // set when role or leader changed
};

class Replica {
 public:
  // `log`: what the write-ahead log held. `random` outlives the replica.
  Replica(const raft::Config& config, const raft::RestoredState& restored,
          std::unique_ptr<raft::MemoryLog> log, raft::Random& random);

  void Tick() { node_.Tick(); }
  void Receive(const raft::Message& message) { node_.Step(message); }
  raft::ProposeResult Propose(raft::Payload payload) { return node_.Propose(std::move(payload)); }
  void Read(raft::ReadId id) { node_.ReadIndex(id); }
  void Persisted(raft::ReadyNumber number);
  void AppliedUpTo(raft::Index index) { node_.AppliedUpTo(index); }
  void Unreachable(raft::MemberId peer) { node_.ReportUnreachable(peer); }
  // RawNode's functions of the same names.
  void LeaderGone(raft::MemberId peer) { node_.LeaderGone(peer); }
  bool leader_gone() const { return node_.leader_gone(); }
  void Campaign() { node_.Campaign(); }
  raft::ConfChangeResult ProposeConfChange(const raft::ConfState& target,
                                           std::string_view context) {
    return node_.ProposeConfChange(target, context);
  }
  raft::TransferOutcome TransferLeadership(raft::MemberId target) {
    return node_.TransferLeadership(target);
  }
  void SnapshotSending(raft::MemberId peer, raft::Index index) {
    node_.SnapshotSending(peer, index);
  }
  void SnapshotFailed(raft::MemberId peer) { node_.SnapshotFailed(peer); }
  void SendSnapshotMessage(raft::MemberId peer, raft::MessageBody body) {
    node_.SendSnapshotMessage(peer, std::move(body));
  }
  bool WantsSnapshot(const raft::SnapshotMeta& meta) const { return node_.WantsSnapshot(meta); }

  void Restore(const raft::SnapshotMeta& meta) { node_.Restore(meta); }
  void RewindApply(raft::Index applied) { node_.RewindApply(applied); }

  // Drops old entries of the log in memory; `durable`: what the store cannot lose any more.
  void DropOldEntries(raft::Index durable, const LogRetention& retention);
  const raft::MemoryLog& log() const { return *log_; }
  // For checkers.
  const raft::RawNode& node() const { return node_; }

  bool HasWork() const { return node_.HasReady() || !released_.empty(); }
  Work TakeWork();

  raft::Term term() const { return node_.term(); }
  raft::SoftState soft_state() const { return node_.soft_state(); }
  raft::Index commit_index() const { return node_.commit_index(); }
  raft::Index persisted_index() const { return node_.persisted_index(); }
  const raft::ConfState& conf_state() const { return node_.conf_state(); }
  raft::EntryId vote_floor() const { return node_.vote_floor(); }
  bool store_behind_log() const { return node_.store_behind_log(); }
  raft::Status GetStatus() const { return node_.GetStatus(); }

 private:
  void TakeReady(Work& work);

  std::unique_ptr<raft::MemoryLog> log_;
  raft::RawNode node_;
  // Promises that wait for the disk, by the job that makes them true.
  struct Held {
    raft::ReadyNumber number;
    std::vector<raft::Message> messages;
  };
  std::deque<Held> held_;
  std::vector<raft::Message> released_;
  std::optional<raft::HardState>
      lazy_hard_state_;  // moved the commit index only: goes with the next job
};

}  // namespace pintle::server::replica

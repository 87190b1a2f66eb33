// Cluster: some RawNodes with a network and disks that do only what they are told, in one thread.
//
// What it can do to them: lose, repeat, reorder and hold back messages; cut links; be slow to sync;
// crash a member, which loses what was not synced (or keeps some of it without having said so).
// Disks keep what they have synced, until they are damaged. A store is a prefix of the applied
// entries, durable when flushed; a snapshot is such a prefix and travels in two pieces. Every step
// is shown to InvariantChecker, and reads are checked to be no older than what was known to be
// committed when they began; the first violation stays in violation().
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "raft/invariants.h"
#include "raft/memory_log.h"
#include "raft/raw_node.h"

namespace pintle::raft {

// Randomness that scripts can read: member m's election timeout is election_ticks + m %
// election_ticks, always, and its incarnations are all different.
class ScriptRandom final : public Random {
 public:
  ScriptRandom(MemberId id, uint32_t election_ticks) : id_(id), election_ticks_(election_ticks) {}
  uint64_t Next() override { return id_.value() % election_ticks_ + election_ticks_ * calls_++; }

 private:
  MemberId id_;
  uint64_t election_ticks_;
  uint64_t calls_ = 0;
};

// splitmix64.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next() override;
  // Less than `bound`.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

 private:
  uint64_t state_;
};

class Cluster {
 public:
  using Trace = std::function<void(const std::string&)>;
  // Makes the randomness of a member.
  using MakeRandom = std::function<std::unique_ptr<Random>(MemberId)>;

  // Members 1 … `size`, all up, with `config` (its id is set); the first `voters` of them (0: all)
  // are members of the cluster. `trace` is told every change worth telling.
  Cluster(size_t size, Config config, const MakeRandom& make_random, Trace trace,
          size_t voters = 0);

  const absl::Status& violation() const { return violation_; }
  const std::vector<MemberId>& ids() const { return ids_; }
  bool IsUp(MemberId id) const { return At(id).node != nullptr; }
  RawNode& node(MemberId id) { return *At(id).node; }
  const std::vector<Entry>& applied(MemberId id) const { return At(id).applied; }
  // kNoMember: none, or more than one.
  MemberId Leader() const;

  // ---- Inputs; each is followed by all Readys it leads to ----
  void Tick(MemberId id);
  void Campaign(MemberId id);
  ProposeResult Propose(MemberId id, std::string payload);
  void Read(MemberId id, ReadId read);
  void ReportUnreachable(MemberId id, MemberId peer);
  void LeaderGone(MemberId id, MemberId peer);
  ConfChangeResult ProposeConf(MemberId id, const ConfState& target, const std::string& context);
  TransferOutcome Transfer(MemberId id, MemberId target);
  // Many inputs, then their Readys.
  void Input(MemberId id, const std::function<void(RawNode&)>& input);

  // ---- Network ----
  std::vector<Message>& network() { return network_; }
  // Takes the message at `position` out and gives it to its receiver; lost if the link is cut or
  // the receiver down.
  void Deliver(size_t position);
  // Delivers until nothing moves.
  void DeliverAll();
  void Cut(MemberId a, MemberId b) {
    CutOneWay(a, b);
    CutOneWay(b, a);
  }
  void CutOneWay(MemberId from, MemberId to) { cut_.insert({from, to}); }
  void Heal() { cut_.clear(); }

  // ---- Disks ----
  // A slow disk syncs only by Persist.
  void SetSlowDisk(MemberId id, bool slow);
  size_t PendingWrites(MemberId id) const { return At(id).writes.size(); }
  // Syncs the oldest `count` writes.
  void Persist(MemberId id, size_t count);
  // What was applied so far becomes durable in the store; the log is compacted up to `index`.
  void Flush(MemberId id);
  void Compact(MemberId id, Index index);
  // The store is rebuilt at `index`, at most what was applied.
  void Rewind(MemberId id, Index index);

  // ---- Crashes ----
  // `silently_synced` of the pending writes reach the disk, the others are lost.
  void Crash(MemberId id, size_t silently_synced);
  void Restart(MemberId id);
  // For a member that is down: its store is lost, and the log knows who belongs to the cluster as
  // of its base, or does not; the last `entries` of its log are unreadable (a torn or damaged WAL),
  // of which only the last identity is known, or not even that.
  void LoseStore(MemberId id, bool log_knows_members);
  void Damage(MemberId id, size_t entries, bool unknown);
  bool IsDoubtful(MemberId id) const;
  // What its store holds reaches up to its log.
  bool HasWholeStore(MemberId id) const;
  // Replaces the disk of a member that is down.
  void SetDisk(MemberId id, const HardState& hard_state, const std::vector<Entry>& log);

 private:
  struct Member {
    std::unique_ptr<Random> random;
    std::unique_ptr<MemoryLog> log;  // what LogStorage shows: everything handed out
    std::unique_ptr<RawNode> node;   // null while down
    std::deque<Ready> writes;        // taken and not yet synced
    HardState disk_hard_state;
    MemoryLog disk_log;
    bool slow_disk = false;
    std::vector<Entry> applied;
    Index store_index;               // of what is durable in the store
    bool log_knows_members = false;  // as of its base
  };
  struct SnapshotOnItsWay {
    MemberId from;
    MemberId to;
    SnapshotMeta meta;
    int ticks = 0;
  };

  Member& At(MemberId id) { return members_.at(id); }
  const Member& At(MemberId id) const { return members_.at(id); }
  void Check(const absl::Status& status);
  void HandleReadys(MemberId id);
  void HandleReady(MemberId id, Ready ready);
  void HandleApply(MemberId id, const std::vector<Entry>& entries);
  // cluster_snapshots.cc
  void HandleSnapshots(MemberId id, const Ready& ready);
  void StartSnapshot(MemberId id, MemberId peer);
  void TakePiece(MemberId id, const Message& message, const InstallSnapshot& piece);
  void TakeAnswer(MemberId id, const Message& message, const InstallSnapshotResponse& answer);
  void ExpireSnapshots(MemberId id);
  ConfState ConfAt(Index index) const;
  void HandleReads(MemberId id, const Ready& ready);
  void Sync(MemberId id, const Ready& write);
  void Send(std::vector<Message> messages);
  void StartNode(MemberId id);

  Config config_;
  Trace trace_;
  ConfState initial_;
  std::vector<Entry> history_;  // everything that was ever applied
  std::map<uint64_t, SnapshotOnItsWay> snapshots_;
  uint64_t last_transfer_ = 0;
  std::vector<MemberId> ids_;
  std::map<MemberId, Member> members_;
  std::vector<Message> network_;
  std::set<std::pair<MemberId, MemberId>> cut_;
  InvariantChecker checker_;
  absl::Status violation_;
  std::map<ReadId, Index> reads_;  // waiting, with the highest commit index known when they began
  Index highest_commit_index_;
};

}  // namespace pintle::raft

// RawNode: one member's Raft, as a function of its inputs. The only face of raft/ outside of it.
//
//   RawNode node(config, {hard_state, conf_state, applied, applied_term}, log, random);
//   for (;;) {
//     … node.Tick() / node.Step(message) / node.Propose(payload) / node.ReadIndex(id) …
//     while (node.HasReady()) Handle(node.TakeReady());       // see ready.h for the order of work
//     … node.Persisted(number) / node.AppliedUpTo(index) when the disk and apply are done …
//   }
//
// It has no thread, lock, clock, file, socket, log line or randomness of its own: the same inputs
// give the same outputs. Inputs only change state; TakeReady gives out what follows from all inputs
// since the last one, so that feeding many inputs before one TakeReady batches appends, forwards
// and read confirmations.
//
// Thread: one at a time. Cost: inputs never block. Errors: none; a broken invariant ends the
// process (base/check.h), nonsense from the network is ignored. Source: Ongaro's thesis §3, §6.4,
// §9.6; etcd-io/raft rawnode.go, raft.go.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "raft/byte_window.h"
#include "raft/config.h"
#include "raft/log_storage.h"
#include "raft/message.h"
#include "raft/random.h"
#include "raft/ready.h"
#include "raft/status.h"
#include "raft/types.h"

namespace pintle::raft {

class Raft;

class RawNode {
 public:
  // `log` and `random` must outlive the node. A member that is the only voter campaigns at once.
  // `config` has passed Validate().
  RawNode(const Config& config, const RestoredState& restored, const LogStorage& log,
          Random& random);
  ~RawNode();
  RawNode(const RawNode&) = delete;
  RawNode& operator=(const RawNode&) = delete;

  // ---- Inputs ----

  // One unit of time has passed.
  void Tick();

  // A message from a peer has come in. Messages that are not for us are ignored. Anybody may send:
  // a member that was added may lead or ask for votes before the entry that added it is here
  // (thesis §4.1).
  void Step(const Message& message);

  // Wishes `payload` to be replicated and applied. A leader appends it; a follower forwards it to
  // its leader, once.
  ProposeResult Propose(Payload payload);

  // Asks for an index that makes a read linearizable. Each id (chosen by the caller, never twice)
  // comes back exactly once, in read_states or dropped_reads of some Ready; on a follower, by way
  // of the leader.
  void ReadIndex(ReadId id);

  // Everything of the Readys up to and with `number` is durable (and in the LogStorage). Numbers
  // may be skipped.
  void Persisted(ReadyNumber number);

  // Apply has finished everything up to `index`. Not to be called with an index from before the
  // last Restore or RewindApply.
  void AppliedUpTo(Index index);

  // The transport could not deliver to `peer`: a leader stops streaming to it and probes. Only a
  // matter of speed.
  void ReportUnreachable(MemberId peer);

  // `peer`'s process is gone: its connection was closed and a new one refused. If it leads us we no
  // longer protect it by refusing votes, take it for unknown, and answer others so; void as soon as
  // it is heard again. The owner waits 0–50 ms at random, and calls Campaign if leader_gone()
  // still.
  void LeaderGone(MemberId peer);
  bool leader_gone() const;

  // ---- Members (membership.h) ----

  // Leader only: begins to change the configuration to `target`, which is not joint; `context` goes
  // with the (first) entry for the owner. A joint configuration is left by the leader itself. If
  // `target` is what is in force, the entry only carries its context.
  ConfChangeResult ProposeConfChange(const ConfState& target, std::string_view context);

  // Leader only: hands over to `target`, or to the voter that is most up to date. Until another
  // leads, or an election timeout has passed, nothing is taken from clients.
  TransferOutcome TransferLeadership(MemberId target = kNoMember);

  // ---- Snapshots; the owner moves the bytes ----

  // Leader only: a snapshot that ends at `index` is under way to `peer`; it has ended without
  // being installed. (Installed: the peer's answer says so.)
  void SnapshotSending(MemberId peer, Index index);
  void SnapshotFailed(MemberId peer);
  // Sends a piece, or the answer to one, in the current term. A piece of a member that no longer
  // leads is dropped: a transfer ends with the role.
  void SendSnapshotMessage(MemberId peer, MessageBody body);
  // What is in the store does not reach up to it.
  bool WantsSnapshot(const SnapshotMeta& meta) const;
  // The store holds, durably, exactly what `meta` stands for. Apply goes on behind it.
  // Ready::log_base tells what becomes of the log.
  void Restore(const SnapshotMeta& meta);
  // The store was rebuilt and has applied everything up to `applied`: entries are given from there
  // again, or, if the log no longer holds them, a snapshot is asked for.
  void RewindApply(Index applied);

  // Campaigns now, without waiting for the election timeout (still by pre-vote). For tests and
  // operators.
  void Campaign();

  // ---- Output ----

  bool HasReady() const;
  [[nodiscard]] Ready TakeReady();

  Status GetStatus() const;
  // The cheap parts of GetStatus().
  MemberId id() const;
  SoftState soft_state() const;
  Term term() const;
  Index commit_index() const;
  EntryId last_entry() const;
  Index persisted_index() const;
  Index first_index() const;
  const ConfState& conf_state() const;  // in force
  Index conf_index() const;
  EntryId vote_floor() const;
  bool store_behind_log() const;

  // The log as this member holds it, durable or not: for checkers, tools and tests.
  std::optional<Term> TermAt(Index index) const;
  // Appends `range`, which must be held, to `out`.
  void ReadLog(IndexRange range, std::vector<Entry>& out) const;

 private:
  struct InFlight {
    ReadyNumber number;
    HardState hard_state;
  };

  HardState CurrentHardState() const;
  IndexRange ToApply() const;
  void TakeCommitted(Ready& ready);
  bool ConfChanged() const;

  std::unique_ptr<Raft> raft_;
  ReadyNumber last_number_;
  HardState last_hard_state_;
  SoftState last_soft_state_;
  std::deque<InFlight> in_flight_;  // Readys with must_sync, not yet durable
  Index last_conf_index_;
  ConfState last_conf_state_;
  ByteWindow unapplied_;
};

}  // namespace pintle::raft

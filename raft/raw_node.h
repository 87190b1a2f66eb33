// RawNode: one member's Raft, as a function of its inputs. The only face of raft/ outside of it.
//
//   RawNode node(config, {hard_state, conf_state, applied}, log, random);
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

  // A message from a peer has come in. Messages that are not for us, or not from a voter, are
  // ignored.
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

  // Apply has finished everything up to `index`.
  void AppliedUpTo(Index index);

  // The transport could not deliver to `peer`: a leader stops streaming to it and probes. Only a
  // matter of speed.
  void ReportUnreachable(MemberId peer);

  // Campaigns now, without waiting for the election timeout (still by pre-vote). For tests and
  // operators.
  void Campaign();

  // ---- Output ----

  bool HasReady() const;
  [[nodiscard]] Ready TakeReady();

  Status GetStatus() const;
  // The cheap parts of GetStatus().
  SoftState soft_state() const;
  Term term() const;
  Index commit_index() const;

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

  std::unique_ptr<Raft> raft_;
  ReadyNumber last_number_;
  HardState last_hard_state_;
  SoftState last_soft_state_;
  std::deque<InFlight> in_flight_;  // Readys with must_sync, not yet durable
  Index given_to_apply_index_;
  ByteWindow unapplied_;
};

}  // namespace pintle::raft

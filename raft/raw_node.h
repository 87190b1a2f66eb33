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
#include <memory>
#include <vector>

#include "raft/config.h"
#include "raft/log_storage.h"
#include "raft/message.h"
#include "raft/random.h"
#include "raft/ready.h"
#include "raft/types.h"

namespace pintle::raft {

class Raft;

// What the owner found on its disks. A new member has all zero and the voters it was told. The
// commit index may lie beyond the end of the log (the WAL's last batch was torn): it is taken as
// the end of the log then.
struct RestoredState {
  HardState hard_state;
  ConfState conf_state;
  Index applied_index;  // apply goes on behind it; must lie within the log
};

enum class ProposeOutcome : uint8_t {
  kAppended,   // in the leader's log, at `entry`; will it commit? apply tells
  kForwarded,  // on its way to the leader, once; may be lost
  kNoLeader,   // not taken: surely never applied
  kTooMany,    // not taken: Config::max_uncommitted_bytes are waiting; surely never applied
};

struct [[nodiscard]] ProposeResult {
  ProposeOutcome outcome;
  EntryId entry;  // kAppended only
};

enum class ProgressState : uint8_t { kProbe, kReplicate };

// A leader's picture of one follower.
struct PeerStatus {
  MemberId id;
  ProgressState state = ProgressState::kProbe;
  Index match_index;
  Index next_index;
  bool recently_active = false;
  size_t inflight_messages = 0;
  size_t inflight_bytes = 0;
  // The entries it needs next are compacted away here.
  bool behind_log = false;
};

struct Status {
  MemberId id;
  Role role = Role::kFollower;
  Term term;
  MemberId vote;
  MemberId leader;  // kNoMember: not known
  Index commit_index;
  Index persisted_index;
  Index applied_index;
  Index first_index;
  EntryId last_entry;
  std::vector<MemberId> voters;
  std::vector<PeerStatus> peers;  // leader only, ascending by id, without itself
};

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
  void Step(Message message);

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

 private:
  std::unique_ptr<Raft> raft_;
};

}  // namespace pintle::raft

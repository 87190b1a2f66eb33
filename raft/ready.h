// Ready: everything that raft wants done, as one batch. TakeReady hands each thing out exactly
// once.
//
// The order that the owner keeps (thesis §3.8, §10.2.1):
//   1. Send messages_now at once, in parallel with the disk.
//   2. Append `entries` and `hard_state` to the WAL; Readys go to the WAL in the order in which
//   they were taken. Several
//      may share one write and one fsync.
//   3. When the WAL is durable up to and with this Ready: send messages_after_persist, then
//   RawNode::Persisted(number).
//   4. Give committed_entries to apply, in order, at any time, then RawNode::AppliedUpTo. They are
//   durable on a quorum, not always in the own WAL: a store that a crash leaves ahead of its WAL is
//   the log's new base (RestoredState).
// Any number of Readys may be between step 1 and step 3 at once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/entry.h"
#include "raft/message.h"
#include "raft/types.h"

namespace pintle::raft {

// Counts the Readys of one RawNode, from 1.
using ReadyNumber = base::StrongInt<struct ReadyNumberTag, uint64_t>;

// The log begins behind `id` now: a snapshot holds what is before.
struct LogBase {
  EntryId id;
  // The log is empty, whatever it held (Wal::ResetTo). False: it goes on as it is, and may be
  // dropped up to `id`.
  bool reset = false;
  ConfState conf_state;  // as of `id`

  friend bool operator==(const LogBase&, const LogBase&) = default;
};

// The caller's own name of a read; given to RawNode::ReadIndex and handed back.
using ReadId = base::StrongInt<struct ReadIdTag, uint64_t>;

// The read may be served from any state that has applied `read_index`: it is linearizable then
// (thesis §6.4).
struct ReadState {
  ReadId id;
  Index read_index;

  friend bool operator==(const ReadState&, const ReadState&) = default;
};

struct Ready {
  ReadyNumber number;

  // Goes to the WAL. Set when term, vote or commit index differ from the last Ready that had it
  // set.
  std::optional<HardState> hard_state;
  // Before `entries` go to the WAL (and to the LogStorage), both begin anew behind this.
  std::optional<LogBase> log_base;
  // Goes to the WAL; may begin at an index that the WAL already holds, and then replaces all from
  // there.
  std::vector<Entry> entries;
  // False: hard_state, if any, has only moved the commit index. It may be written without a sync,
  // or left to the next write; messages_after_persist then still wait for the Readys before this
  // one.
  bool must_sync = false;

  // May be sent before anything of this Ready is durable: a leader's appends and heartbeats,
  // pre-votes, requests to the leader, refusals.
  std::vector<Message> messages_now;
  // Promises: votes, vote requests (a candidate's vote for itself) and acknowledgements of entries.
  // May be sent only once this Ready and all before it are durable. After a crash they are lost,
  // and were never said.
  std::vector<Message> messages_after_persist;

  // To be applied, in order, without a gap from the last Ready's (but for Restore and RewindApply).
  // An entry kind that the owner does not know must end the process.
  std::vector<Entry> committed_entries;

  // Pieces of snapshots and answers to them, for the owner's hands: their terms are in order.
  std::vector<Message> snapshot_messages;
  // Leader only. These followers need a snapshot; each is named once, and answered by
  // RawNode::SnapshotSending or SnapshotFailed.
  std::vector<MemberId> peers_need_snapshot;

  // Needs nothing durable: a read is only as good as what apply has done.
  std::vector<ReadState> read_states;
  // Reads that will not get an index (leader lost or unknown, no answer in time, too many waiting).
  // The owner answers or asks again with a new id.
  std::vector<ReadId> dropped_reads;

  // The configuration in force has changed (appended, not yet committed; or taken back).
  std::optional<ConfState> conf_state;

  // Set when role, leader or hand-over changed.
  std::optional<SoftState> soft_state;
};

}  // namespace pintle::raft

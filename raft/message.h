// What members say to each other: one plain struct per kind, and the envelope.
//
// The transport may lose, reorder and delay messages as it likes, and duplicate them; it must not
// alter them, and must know who sent them (`from` is believed). Nothing here is a wire format: that
// is the codec's, outside raft/.
//
// `Message::term` is the sender's term, except in a pre-vote request and in the granting answer to
// one: there it is the term that would be campaigned for (the sender's own term plus one).
#pragma once

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "raft/entry.h"
#include "raft/types.h"

namespace pintle::raft {

// Numbers the confirmation rounds of one leader in one term, from 1. 0: belongs to no round.
using ReadRound = base::StrongInt<struct ReadRoundTag, uint64_t>;

// Names a request that a follower sends to its leader. `incarnation` is drawn at random when a
// member starts, so that an answer, or a duplicate, from before a restart is never taken for a new
// one; `number` counts from 1.
struct RequestId {
  uint64_t incarnation = 0;
  uint64_t number = 0;

  friend bool operator==(const RequestId&, const RequestId&) = default;
};

// Thesis §3.4, and §9.6 for pre_vote ("would you vote for me?": changes nothing at the receiver).
struct RequestVote {
  bool pre_vote = false;
  EntryId last_entry;
  // The leader itself has asked for this election (TimeoutNow): the voters need not protect it.
  bool transfer = false;

  friend bool operator==(const RequestVote&, const RequestVote&) = default;
};

// `intact_last` is the last entry that the sender really holds; `doubtful` says that it may have
// acknowledged more than that (vote_floor.h).
struct RequestVoteResponse {
  bool pre_vote = false;
  bool granted = false;
  EntryId intact_last{};
  bool doubtful = false;

  friend bool operator==(const RequestVoteResponse&, const RequestVoteResponse&) = default;
};

// Thesis §3.5. `entries` follow `previous` without a gap; without entries it is a probe.
struct AppendEntries {
  EntryId previous;
  Index commit_index;  // the leader's
  std::vector<Entry> entries;

  friend bool operator==(const AppendEntries&, const AppendEntries&) = default;
};

// Accepted: the sender's log is durable and equal to the leader's up to `match_index`.
// Rejected: `rejected_index` is the refused `previous.index`, and `hint` the last entry of the
// sender that may still agree with the leader's log (thesis §3.5, back-off by term). `lost`: the
// sender no longer holds all that it has acknowledged. `needs_snapshot`: its log is fine, but its
// store has lost entries that the log no longer holds.
struct AppendEntriesResponse {
  bool rejected = false;
  Index match_index;
  Index rejected_index;
  EntryId hint;
  bool lost = false;
  bool needs_snapshot = false;

  friend bool operator==(const AppendEntriesResponse&, const AppendEntriesResponse&) = default;
};

// Says "I lead", moves the receiver's commit index (never past what it is known to hold) and
// confirms reads.
struct Heartbeat {
  Index commit_index;
  ReadRound read_round;

  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

struct HeartbeatResponse {
  ReadRound read_round;  // as received
  bool lost = false;     // both as in AppendEntriesResponse
  bool needs_snapshot = false;

  friend bool operator==(const HeartbeatResponse&, const HeartbeatResponse&) = default;
};

// Proposals of a follower, for the leader of the same term: an entry of this term comes of each, or
// none. Raft sends it once; one that arrives twice, late, or at a member that does not lead in this
// very term is ignored. So the proposer may propose again what it has not seen applied when the
// no-op of a later term is: it can never become two entries.
struct ForwardedProposal {
  RequestId id;
  std::vector<Payload> payloads;  // each becomes one entry of kind kNormal

  friend bool operator==(const ForwardedProposal& a, const ForwardedProposal& b) {
    return a.id == b.id && std::ranges::equal(a.payloads, b.payloads, SameBytes);
  }
};

// A follower asks its leader for a read index, on behalf of all reads it has waiting.
struct ReadIndexRequest {
  RequestId id;

  friend bool operator==(const ReadIndexRequest&, const ReadIndexRequest&) = default;
};

struct ReadIndexResponse {
  RequestId id;  // as asked
  Index read_index;

  friend bool operator==(const ReadIndexResponse&, const ReadIndexResponse&) = default;
};

// A piece of a snapshot, from the leader. Raft only applies the term rules to it; the owner moves
// the bytes (Ready::snapshot_messages, RawNode::SendSnapshotMessage).
struct InstallSnapshot {
  uint64_t transfer_id = 0;  // the sender's choice, never used twice
  SnapshotMeta meta;
  uint64_t offset = 0;       // of `data` in the stream
  uint64_t total_bytes = 0;  // 0: not known yet
  Payload data;
  bool done = false;  // nothing follows

  friend bool operator==(const InstallSnapshot& a, const InstallSnapshot& b) {
    return a.transfer_id == b.transfer_id && a.meta == b.meta && a.offset == b.offset &&
           a.total_bytes == b.total_bytes && a.done == b.done && SameBytes(a.data, b.data);
  }
};

struct InstallSnapshotResponse {
  uint64_t transfer_id = 0;  // as received
  uint64_t next_offset = 0;  // what is wanted next; resumes a broken transfer
  bool done = false;         // installed, durably
  bool failed = false;       // will not be installed

  friend bool operator==(const InstallSnapshotResponse&, const InstallSnapshotResponse&) = default;
};

// The leader asks its successor to campaign at once (thesis §3.10).
struct TimeoutNow {
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

// Further kinds are added at the end: the codec's tags follow this order.
using MessageBody =
    std::variant<RequestVote, RequestVoteResponse, AppendEntries, AppendEntriesResponse, Heartbeat,
                 HeartbeatResponse, ForwardedProposal, ReadIndexRequest, ReadIndexResponse,
                 InstallSnapshot, InstallSnapshotResponse, TimeoutNow>;

struct Message {
  MemberId from;
  MemberId to;
  Term term;
  MessageBody body;

  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace pintle::raft

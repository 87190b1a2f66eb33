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

  friend bool operator==(const RequestVote&, const RequestVote&) = default;
};

struct RequestVoteResponse {
  bool pre_vote = false;
  bool granted = false;

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
// sender that may still agree with the leader's log (thesis §3.5, back-off by term).
struct AppendEntriesResponse {
  bool rejected = false;
  Index match_index;
  Index rejected_index;
  EntryId hint;

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

  friend bool operator==(const HeartbeatResponse&, const HeartbeatResponse&) = default;
};

// Proposals of a follower, for the leader of the same term. Sent once: a lost one is the proposer's
// timeout, never a second entry; one that arrives twice, late, or at a member that does not lead in
// this term is ignored.
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

// Further kinds (snapshot, leadership transfer) are added at the end: the codec's tags follow this
// order.
using MessageBody =
    std::variant<RequestVote, RequestVoteResponse, AppendEntries, AppendEntriesResponse, Heartbeat,
                 HeartbeatResponse, ForwardedProposal, ReadIndexRequest, ReadIndexResponse>;

struct Message {
  MemberId from;
  MemberId to;
  Term term;
  MessageBody body;

  friend bool operator==(const Message&, const Message&) = default;
};

}  // namespace pintle::raft

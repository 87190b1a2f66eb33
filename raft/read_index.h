// Linearizable reads without a log entry (thesis §6.4): who waits, and for which confirmation
// round.
//
// LeaderReads (on a leader): reads gather until a round starts. A round is one heartbeat to
// everybody, with a number never used before; it takes the commit index at its start. When a quorum
// has answered this round or a later one, the leader was still leader when it started, so its index
// is good for the reads that were waiting by then. A round is never used for a read that came after
// its start.
//
// FollowerReads (on a follower): reads gather until one request goes to the leader for all of them.
//
// Both are bounded by Config::max_pending_reads; what does not fit, or whose role ends, is dropped
// by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "raft/config.h"
#include "raft/message.h"
#include "raft/quorum.h"
#include "raft/ready.h"

namespace pintle::raft {

// A read that a leader answers: its own, or a follower's request.
struct RemoteRead {
  MemberId from;
  RequestId id;
};
using PendingRead = std::variant<ReadId, RemoteRead>;

class LeaderReads {
 public:
  explicit LeaderReads(const Config& config)
      : max_reads_(config.max_pending_reads), max_rounds_(config.max_read_rounds) {}

  // False: too many are waiting.
  bool Add(PendingRead read);

  // Reads wait for a round, and another may start.
  bool CanStart() const { return !gathered_.empty() && rounds_.size() < max_rounds_; }
  // Starts the next round at `commit_index`, for everything gathered.
  void Start(Index commit_index);
  // The newest round started; 0 before the first.
  ReadRound last_round() const { return last_round_; }

  // `member` has answered `round` (or a later one before: then nothing changes).
  void Acknowledged(MemberId member, ReadRound round);

  struct Confirmed {
    Index read_index;
    std::vector<PendingRead> reads;
  };
  // Takes out the rounds that a quorum, `self` included, has confirmed.
  std::vector<Confirmed> TakeConfirmed(const Quorum& quorum, MemberId self);

  // The leader's own reads that have no index yet, for dropping.
  std::vector<ReadId> OwnReads() const;
  size_t size() const { return size_; }

 private:
  struct Round {
    ReadRound number;
    Confirmed what;
  };
  size_t max_reads_;
  size_t max_rounds_;
  std::vector<PendingRead> gathered_;
  std::deque<Round> rounds_;
  std::map<MemberId, ReadRound> acknowledged_;
  ReadRound last_round_;
  size_t size_ = 0;
};

class FollowerReads {
 public:
  explicit FollowerReads(const Config& config)
      : max_reads_(config.max_pending_reads), patience_ticks_(config.election_ticks) {}

  // False: too many are waiting.
  bool Add(ReadId id);
  bool HasGathered() const { return !gathered_.empty(); }
  // Everything gathered is now asked for under `id`.
  void Asked(RequestId id);
  // The reads of request `id`; empty if it is not known (any more).
  std::vector<ReadId> TakeAnswered(RequestId id);
  // One tick has passed: the reads whose request has waited for an election timeout.
  std::vector<ReadId> TakeExpired();
  // All that have no index yet, for dropping.
  std::vector<ReadId> All() const;

 private:
  struct Request {
    RequestId id;
    uint32_t waited_ticks = 0;
    std::vector<ReadId> reads;
  };
  size_t max_reads_;
  uint32_t patience_ticks_;
  std::vector<ReadId> gathered_;
  std::deque<Request> requests_;
  size_t size_ = 0;
};

}  // namespace pintle::raft

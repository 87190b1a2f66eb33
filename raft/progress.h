// Progress: a leader's picture of one follower, and how much may be under way to it.
//
//   Probe: where the logs agree is not known; one message at a time, repeated at heartbeats.
//   Replicate: it is known; entries are streamed ahead of their acknowledgement, within the
//   Inflights window.
//   Snapshot: what it needs is compacted away; it gets a snapshot, and no entries meanwhile.
//
// Apart from that state, a follower whose log is fine may need a snapshot for its store; it gets
// entries meanwhile.
//
// next_index is what will be sent next; match_index what the follower has acknowledged as durable.
// Source: thesis §10.2.1; etcd-io/raft tracker/progress.go, tracker/inflights.go.
#pragma once

#include <cstddef>
#include <deque>

#include "raft/config.h"
#include "raft/status.h"
#include "raft/types.h"

namespace pintle::raft {

// Messages with entries that are sent and not acknowledged.
class Inflights {
 public:
  Inflights(size_t max_messages, size_t max_bytes)
      : max_messages_(max_messages), max_bytes_(max_bytes) {}

  bool Full() const { return messages_.size() >= max_messages_ || bytes_ >= max_bytes_; }
  size_t messages() const { return messages_.size(); }
  size_t bytes() const { return bytes_; }
  // How much the next message may carry; more than 0 unless full.
  size_t bytes_left() const { return bytes_ >= max_bytes_ ? 0 : max_bytes_ - bytes_; }

  void Add(Index last_index, size_t bytes);
  // Everything up to `index` is acknowledged.
  void FreeTo(Index index);
  void Clear();

 private:
  struct Sent {
    Index last_index;
    size_t bytes;
  };
  size_t max_messages_;
  size_t max_bytes_;
  std::deque<Sent> messages_;
  size_t bytes_ = 0;
};

class Progress {
 public:
  Progress(const Config& config, Index next_index)
      : next_index_(next_index),
        inflights_(config.max_inflight_messages, config.max_inflight_bytes) {}

  ProgressState state() const { return state_; }
  Index match_index() const { return match_index_; }
  Index next_index() const { return next_index_; }
  const Inflights& inflights() const { return inflights_; }

  // Heard from since the last check of the quorum.
  bool recently_active() const { return recently_active_; }
  void set_recently_active(bool active) { recently_active_ = active; }

  // A message (perhaps without entries) is due: because there are entries and room, because the
  // commit index moved, or because a probe is wanted.
  bool WantsAppend(Index last_index, Index commit_index) const;
  // How many bytes of entries the next message may carry; 0: none, only an empty one.
  size_t AppendBudget(const Config& config) const;
  // A message with the entries [next_index, next_index + count) and `commit_index` was sent.
  void Sent(size_t count, size_t bytes, Index commit_index);

  // The follower's log agrees and is durable up to `index`. False: nothing new.
  bool Acknowledged(Index index);
  // The follower refused `rejected`; it may agree at `possible_match`. False: a late answer that
  // says nothing.
  bool Rejected(Index rejected, Index possible_match);
  // The follower refused `rejected` because it has lost what it had acknowledged (vote_floor.h); it
  // still holds what agrees up to `possible_match`.
  void Lost(Index rejected, Index possible_match);
  // It lives, but may have lost messages: ask once more. `doubtful`: or lost part of its log; ask
  // even if all is acknowledged.
  void HeartbeatAnswered(Index last_index, bool doubtful);
  // As told by its last heartbeat answer: it may lack part of its log, and does not campaign when
  // it is told to.
  bool doubtful() const { return doubtful_; }

  // ---- Snapshots (progress_snapshot.cc) ----
  // The entries that it needs next are compacted away (`behind_log`), or its store says so.
  bool HasSnapshotNeed(bool behind_log) const;
  // True once, until SnapshotFailed, or SnapshotSending and its end.
  bool TakeSnapshotNeed(bool behind_log);
  // As told by the follower's last answer.
  void set_store_needs_snapshot(bool needs);
  bool store_needs_snapshot() const { return store_needs_snapshot_; }
  // One that ends at `index` is under way to it. `behind_log`: it can get no entries meanwhile.
  void SnapshotSending(Index index, bool behind_log);
  // It has installed it, or the transfer has failed (the need is told again after its next sign of
  // life).
  void SnapshotInstalled();
  void SnapshotFailed();

  // Whatever was under way may be lost.
  void BecomeProbe();

  PeerStatus GetStatus(MemberId id) const;

 private:
  ProgressState state_ = ProgressState::kProbe;
  Index match_index_;
  Index next_index_;
  Index sent_commit_index_;
  bool recently_active_ = false;
  // Probe: the question is asked, wait for an answer or a heartbeat.
  bool probe_sent_ = false;
  // Replicate: send a message even if nothing is new or the window is full; a refusal reveals what
  // was lost.
  bool nudge_ = false;
  Inflights inflights_;
  // The end of the snapshot under way; 0: none.
  Index snapshot_index_;
  // The owner knows of the need.
  bool snapshot_asked_ = false;
  // A transfer has failed: the need is not told again before the next heartbeat answer.
  bool snapshot_paused_ = false;
  bool store_needs_snapshot_ = false;
  bool doubtful_ = false;
};

}  // namespace pintle::raft

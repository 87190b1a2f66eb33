// What RawNode is given at its start, and what it tells about itself: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "raft/types.h"

namespace pintle::raft {

// What the owner found on its disks. A new member has all zero and the voters it was told.
//   - The commit index may lie beyond the end of the log: it is taken as the end of the log then.
//   - applied_index beyond the end of the log, or of another term than the log's entry there (the
//     store was ahead of its WAL): the log begins anew behind it; Ready::log_base says so.
//   - applied_index + 1 before the log's first entry (the store was lost): the member votes and
//     acknowledges, applies nothing (Status::store_behind_log), and asks its leader for a snapshot.
//     It does not campaign unless its log tells the configuration, at its base (base_conf) or
//     behind it: an old one must elect nobody.
struct RestoredState {
  HardState hard_state;
  // As of applied_index, or the newest that is known; conf changes in the log behind it are found.
  ConfState conf_state;
  Index applied_index;   // apply goes on behind it
  Term applied_term{0};  // of that entry; 0 only if the store is never ahead of its WAL
  // As of the entry before the log's first one, where the log knows that; looked at only when the
  // store does not reach up to there.
  std::optional<ConfState> base_conf{};
};

enum class ProposeOutcome : uint8_t {
  kAppended,   // in the leader's log, at `entry`; will it commit? apply tells
  kForwarded,  // on its way to the leader, once; may be lost
  kNoLeader,   // not taken, or the leader is handing over: surely never applied
  kTooMany,    // not taken: Config::max_uncommitted_bytes are waiting; surely never applied
};

struct [[nodiscard]] ProposeResult {
  ProposeOutcome outcome;
  EntryId entry;  // kAppended only
};

enum class ConfChangeOutcome : uint8_t {
  kAppended,   // in the leader's log, at `entry`: the first step of the change
  kNotLeader,  // or handing over
  kNotReady,   // nothing of this term is committed yet: ask again
  kPending,    // the change before is not finished
  kInvalid,    // `target` is malformed, joint, or makes a voter a learner
};

struct [[nodiscard]] ConfChangeResult {
  ConfChangeOutcome outcome;
  EntryId entry;  // kAppended only
};

enum class TransferOutcome : uint8_t {
  kStarted,  // soft_state().handing_over says how long
  kNotLeader,
  kNoTarget,  // not a voter, or ourselves, or nobody else is there
};

enum class ProgressState : uint8_t { kProbe, kReplicate, kSnapshot };

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
  // Its log is fine, its store is not.
  bool store_needs_snapshot = false;
  // The end of the snapshot that is under way to it; 0: none.
  Index snapshot_index{0};
  bool learner = false;
  // No member any more: it is only told so.
  bool departing = false;
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
  // Everybody who votes, joint or not; ascending.
  std::vector<MemberId> voters;
  // In force, and the entry that began it.
  ConfState conf_state;
  Index conf_index;
  EntryId vote_floor;
  bool doubtful = false;          // vote_floor.h
  bool store_behind_log = false;  // applies nothing until Restore
  MemberId transfer_target;       // a leader that is handing over
  std::vector<PeerStatus> peers;  // leader only, ascending by id, without itself
};

}  // namespace pintle::raft

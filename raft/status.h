// What RawNode is given at its start, and what it tells about itself: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "raft/types.h"

namespace pintle::raft {

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

}  // namespace pintle::raft

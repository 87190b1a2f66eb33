// Raft's counters and small value types. Each counter is a type of its own, so that a term cannot
// be passed where an index is meant.
//
// Owner: whoever holds the value; all are plain values without threads, limits or errors.
// Zero means "none" for all of them: no term, the position before the first entry, nobody.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/strong_int.h"

namespace pintle::raft {

using Term = base::StrongInt<struct TermTag, uint64_t>;
using Index = base::StrongInt<struct IndexTag, uint64_t>;
using MemberId = base::StrongInt<struct MemberIdTag, uint64_t>;

inline constexpr MemberId kNoMember{0};
inline constexpr Index kMaxIndex{UINT64_MAX};

// Names one entry for ever: at most one leader exists per term, and it writes an index once.
// The default order (term first, then index) is the order of "more up to date" (thesis §3.6.1).
struct EntryId {
  Term term;
  Index index;

  friend auto operator<=>(const EntryId&, const EntryId&) = default;
};

// First and last index, both included; empty when last < first.
struct IndexRange {
  Index first;
  Index last;

  bool empty() const { return last < first; }
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// What a member must find again after a crash. `commit_index` is a hint that saves time: losing it
// loses nothing.
struct HardState {
  Term term;
  MemberId vote;  // who got our vote in `term`
  Index commit_index;
  // Zero, or: this member may have acknowledged entries up to here that its log no longer holds (a
  // damaged or torn WAL; vote_floor.h). Identities that are not known: {term, kMaxIndex}.
  EntryId vote_floor{};

  friend bool operator==(const HardState&, const HardState&) = default;
};

// What may be forgotten: for redirects, metrics and log lines.
struct SoftState {
  Role role = Role::kFollower;
  MemberId leader;  // kNoMember: not known, or known to be gone
  // A leader that is handing over refuses proposals (kNoLeader) until somebody else leads or it
  // gives up.
  bool handing_over = false;

  friend bool operator==(const SoftState&, const SoftState&) = default;
};

// Who belongs to the cluster. All sorted, without duplicates. Joint (thesis §4.3) while `outgoing`
// is not empty: then a decision needs a majority of `voters` and one of `outgoing`.
struct ConfState {
  std::vector<MemberId> voters;
  std::vector<MemberId> outgoing{};  // the voters before, until the change is finished
  std::vector<MemberId> learners{};  // get the log, and are never counted

  bool joint() const { return !outgoing.empty(); }
  friend bool operator==(const ConfState&, const ConfState&) = default;
};

// What a snapshot stands for: the log up to and with `last_entry`.
struct SnapshotMeta {
  EntryId last_entry;
  ConfState conf_state;  // as of last_entry

  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

}  // namespace pintle::raft

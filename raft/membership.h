// Membership: configurations as values, the legal steps between them, and the bytes of a
// conf-change entry.
//
// A change of voters goes through a joint configuration (thesis §4.3): {new voters, old voters as
// outgoing}, then {new voters}. Any two quorums of neighbouring configurations intersect then. A
// change of learners alone is one step. Pure functions; nothing here is kept.
//
// Payload of a conf-change entry: one byte format (1); three lists (voters, outgoing, learners),
// each a fixed32 count and fixed64 ids; the rest is the owner's context. All little-endian.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "raft/types.h"

namespace pintle::raft {

// Voters, outgoing and learners together; bounds what an entry may claim.
inline constexpr size_t kMaxMembers = 64;

struct ConfChange {
  ConfState conf_state;
  std::string context;
};

std::string EncodeConfChange(const ConfState& conf_state, std::string_view context);
// False: not made by EncodeConfChange, or not IsValid.
[[nodiscard]] bool DecodeConfChange(std::string_view bytes, ConfChange& change);

// Sorted lists, at least one voter, no learner that votes, at most kMaxMembers.
bool IsValid(const ConfState& conf_state);

// Votes now or did until the change is finished, or learns.
bool IsMember(const ConfState& conf_state, MemberId member);
// The voter lists only.
bool IsVoter(const ConfState& conf_state, MemberId member);

// One step leads from `from` to `to`, and their quorums intersect.
bool AreNeighbours(const ConfState& from, const ConfState& to);

// The next entry on the way from `current` (not joint) to `target` (not joint): `target` itself, or
// the joint configuration before it. nullopt: there is no way; `target` is not valid, or makes a
// voter a learner.
std::optional<ConfState> FirstStep(const ConfState& current, const ConfState& target);
// `joint` finished.
ConfState LeaveJoint(const ConfState& joint);

// Targets. Nothing happens where the member already is what is asked for.
ConfState WithLearner(ConfState conf_state, MemberId member);
ConfState WithVoter(ConfState conf_state, MemberId member);  // a learner is promoted
ConfState Without(ConfState conf_state, MemberId member);
// In one change; `added` votes if `removed` did.
ConfState WithReplacement(ConfState conf_state, MemberId removed, MemberId added);

}  // namespace pintle::raft

// Leader, the part about changes of members (thesis §4).
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "base/canary.h"
#include "base/fault_point.h"
#include "raft/leader.h"
#include "raft/membership.h"

namespace pintle::raft {

void Leader::SyncPeers(const Core& core, bool added) {
  const ConfState& conf = core.configurations.in_force();
  const Index next = core.log.last().index + 1;
  for (const auto* list : {&conf.voters, &conf.outgoing, &conf.learners}) {
    for (const MemberId member : *list) {
      if (member == core.id()) continue;
      const auto [peer, is_new] = peers_.try_emplace(member, Peer{Progress(core.config, next)});
      // A new member had no chance to answer yet.
      if (is_new) peer->second.progress.set_recently_active(added);
    }
  }
  if (PINTLE_CANARY("conf_in_force_when_committed")) {
    for (const MemberId member : core.quorum.voters())
      if (member != core.id()) peers_.try_emplace(member, Peer{Progress(core.config, next)});
  }
  for (auto& [id, peer] : peers_) {
    peer.departing = !IsMember(conf, id);
    peer.departing_ticks = 0;
  }
}

// A member that has left would otherwise never hear that the entry that removed it is committed.
void Leader::TickDepartures(const Core& core) {
  if (core.configurations.index() > core.log.commit_index()) return;
  for (auto entry = peers_.begin(); entry != peers_.end();) {
    Peer& peer = entry->second;
    const bool gone = peer.departing && ++peer.departing_ticks > 2 * core.config.election_ticks;
    entry = gone ? peers_.erase(entry) : std::next(entry);
  }
}

EntryId Leader::AppendConf(Core& core, const ConfState& conf_state, std::string_view context) {
  const EntryId id =
      Append(core, EntryKind::kConfChange,
             std::make_shared<const std::string>(EncodeConfChange(conf_state, context)));
  SyncPeers(core, /*added=*/true);
  return id;
}

ConfChangeResult Leader::ProposeConfChange(Core& core, const ConfState& target,
                                           std::string_view context) {
  if (transfer_) return {ConfChangeOutcome::kNotLeader, {}};
  // Without an entry of our own term committed, a change of an earlier leader that we do not hold
  // may be committed, and two changes at once may have quorums that do not meet (Ongaro, raft-dev,
  // 2015, "bug in single-server membership changes").
  if (!core.knows_commit_index() && !PINTLE_CANARY("conf_change_before_own_commit")) {
    return {ConfChangeOutcome::kNotReady, {}};
  }
  const ConfState& now = core.configurations.in_force();
  if (now.joint() || core.configurations.index() > core.log.commit_index()) {
    return {ConfChangeOutcome::kPending, {}};
  }
  const std::optional<ConfState> step = FirstStep(now, target);
  if (!step.has_value()) return {ConfChangeOutcome::kInvalid, {}};
  return {ConfChangeOutcome::kAppended, AppendConf(core, *step, context)};
}

Transition Leader::AfterCommit(Core& core) {
  if (!core.knows_commit_index() || core.configurations.index() > core.log.commit_index()) {
    return Transition::kStay;
  }
  const ConfState& now = core.configurations.in_force();
  if (now.joint()) {
    base::FaultPoint("raft.joint_committed");
    AppendConf(core, LeaveJoint(now), "");
    return Transition::kStay;
  }
  if (core.promotable() || transfer_) return Transition::kStay;
  // We are out (thesis §4.2.2). Somebody else goes on without waiting for a timeout, if it can.
  base::FaultPoint("raft.leader_removed");
  const bool handed_over = TransferLeadership(core, kNoMember) == TransferOutcome::kStarted;
  return handed_over ? Transition::kStay : Transition::kStepDown;
}

}  // namespace pintle::raft

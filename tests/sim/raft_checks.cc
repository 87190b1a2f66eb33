#include "tests/sim/raft_checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "raft/membership.h"
#include "raft/observed_history.h"

namespace pintle::sim {
namespace {

raft::ConfState AllOf(size_t members) {
  raft::ConfState conf;
  for (size_t i = 0; i < members; ++i) conf.voters.emplace_back(i + 1);
  return conf;
}

}  // namespace

RaftChecks::RaftChecks(size_t members)
    : checker_(AllOf(members)), committed_{raft::Index{0}, AllOf(members)} {}

void RaftChecks::NoteConf(const raft::RawNode& node) {
  Conf& own = in_force_[node.id()];
  if (own.index != node.conf_index() || own.state != node.conf_state()) {
    own = {node.conf_index(), node.conf_state()};
    if (own.state.voters == std::vector{node.id()}) alone_.insert(node.id());
  }
  if (own.index > committed_.index && own.index <= node.commit_index()) committed_ = own;
}

std::vector<raft::ConfState> RaftChecks::Confs() const {
  std::vector<raft::ConfState> confs{committed_.state};
  for (const auto& [member, conf] : in_force_) {
    if (conf.index > committed_.index) confs.push_back(conf.state);
  }
  return confs;
}

bool RaftChecks::Votes(const SimMember& member) const {
  return std::ranges::any_of(
      Confs(), [&](const raft::ConfState& conf) { return raft::IsVoter(conf, member.id()); });
}

absl::Status RaftChecks::Turned(SimMember& member) {
  const raft::RawNode& node = member.member().replica().node();
  NoteConf(node);
  return checker_.ObserveMember(node);
}

void RaftChecks::Gone(const SimMember& member) {
  disks_.erase(member.id());
  in_force_.erase(member.id());
  checker_.ObserveGone(member.id());
}

raft::EntryId RaftChecks::LastOf(const raft::MemoryLog& log) {
  return {log.TermAt(log.LastIndex()).value_or(raft::Term{0}), log.LastIndex()};
}

absl::Status RaftChecks::Booted(SimMember& member) {
  Disk& disk = disks_[member.id()];
  const raft::RawNode& node = member.member().replica().node();
  const raft::Status status = node.GetStatus();
  const raft::HardState found{node.term(), status.vote, raft::Index{0}, node.vote_floor()};
  const raft::EntryId promised = LastOf(disk.log);
  const raft::MemoryLog& log = member.member().replica().log();
  if (std::max(LastOf(log), found.vote_floor) < promised) {
    return absl::InternalError(absl::StrCat("member ", member.id().value(), " had ",
                                            raft::Text(promised), " on its disk, comes back with ",
                                            raft::Text(LastOf(log)), " and no floor above"));
  }
  if (LastOf(log) < promised) checker_.ObserveDamage(member.id());
  disk.hard_state = found;
  disk.log = log;
  checker_.ObserveRestart(member.id(), raft::Index(member.member().store().sequence().value()));
  PINTLE_RETURN_IF_ERROR(checker_.ObserveDisk(member.id(), disk.hard_state, disk.log));
  return Turned(member);
}

absl::Status RaftChecks::Written(const SimMember& member,
                                 const server::replica::PersistJob& write) {
  Disk& disk = disks_[member.id()];
  if (write.hard_state) disk.hard_state = *write.hard_state;
  if (write.log_base) {
    if (write.log_base->reset) {
      disk.log.Reset(write.log_base->id);
    } else if (write.log_base->id.index <= disk.log.LastIndex()) {
      disk.log.Compact(write.log_base->id.index);
    }
  }
  // Several jobs may have become one write: a later one may go back and replace.
  for (const raft::Entry& entry : write.entries) disk.log.Append({&entry, 1});
  return checker_.ObserveDisk(member.id(), disk.hard_state, disk.log);
}

}  // namespace pintle::sim

// RaftChecks: shows raft::InvariantChecker everything that the members of a simulation do, and
// holds each member's log after a restart against what its disk had promised before.
//
// A restarted member must have everything that was durable, or a floor that says how much it may
// have acknowledged. One thread. Errors: the first broken rule, in words.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "raft/invariants.h"
#include "raft/memory_log.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class RaftChecks {
 public:
  explicit RaftChecks(size_t members);

  absl::Status Sent(const raft::Message& message) { return checker_.ObserveSent(message); }
  // The process has started, and done nothing yet.
  absl::Status Booted(SimMember& member);
  absl::Status Written(const SimMember& member, const server::replica::PersistJob& write);
  absl::Status Applying(const SimMember& member, const std::vector<raft::Entry>& entries) {
    return checker_.ObserveApplied(member.id(), entries);
  }
  absl::Status Restored(const SimMember& member, const raft::SnapshotMeta& meta) {
    return checker_.ObserveRestored(member.id(), meta);
  }
  void Rewound(const SimMember& member, raft::Index index) {
    checker_.ObserveRewind(member.id(), index);
  }
  absl::Status Turned(SimMember& member);
  // It never comes back.
  void Gone(const SimMember& member);

  // The newest configuration that is known to be committed, and all later ones that anybody holds.
  std::vector<raft::ConfState> Confs() const;
  // In one of them.
  bool Votes(const SimMember& member) const;
  // By what it has held itself.
  bool WasAlone(const SimMember& member) const { return alone_.contains(member.id()); }

  // Surely on the member's disk.
  raft::HardState Promised(const SimMember& member) const {
    const auto disk = disks_.find(member.id());
    return disk == disks_.end() ? raft::HardState{} : disk->second.hard_state;
  }

 private:
  // What is surely on the member's disk.
  struct Disk {
    raft::HardState hard_state;
    raft::MemoryLog log;
  };
  struct Conf {
    raft::Index index;
    raft::ConfState state;
    friend bool operator==(const Conf&, const Conf&) = default;
  };
  static raft::EntryId LastOf(const raft::MemoryLog& log);
  void NoteConf(const raft::RawNode& node);

  raft::InvariantChecker checker_;
  std::map<raft::MemberId, Disk> disks_;
  Conf committed_;
  std::map<raft::MemberId, Conf> in_force_;
  std::set<raft::MemberId> alone_;
};

}  // namespace pintle::sim

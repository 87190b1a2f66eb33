// FaultAtlas: damages what members have on their disks, any member's, several in one seed, but
// never so much at a time that what was acknowledged is nowhere left.
//
// A member is whole when it could go on from its own disk: its log has everything that it may have
// acknowledged, and its store is intact. A majority stays whole at any time: every committed entry
// and every key is on one of them, and they can elect one of themselves, who fills the others.
// Whoever is not whole may be damaged further; when it has repaired itself, the next one may be.
// Damage of a log where the store has everything that was hit needs no repair: it may befall all
// members at once. A single member gets such damage only; and its store is hit when its log still
// has all of it.
//
// What has one copy in the world is left alone: a member's newest term and vote.
//
// One thread. A log is damaged while its process is down (it reads it when it starts), a store at
// any time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/disk.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class FaultAtlas {
 public:
  using Members = std::vector<std::unique_ptr<SimMember>>;

  struct Doors {
    // What was done to whom, and the kind that is counted.
    std::function<void(const SimMember&, const std::string& kind)> tell;
    // What is surely on the member's disk.
    std::function<raft::HardState(const SimMember&)> promised;
  };
  FaultAtlas(const Settings& settings, Members& members, Doors doors);

  // Its process is gone: the seed's chance decides what has become of its disk meanwhile.
  void Crashed(SimMember& member);
  // A process is running.
  void Booted(const SimMember& member) { log_in_doubt_.erase(&member); }
  // A table of a running member's store goes bad.
  void Rot(SimMember& member);

 private:
  bool IsWhole(const SimMember& member) const;
  // Whether a majority is whole without it.
  bool MayLose(const SimMember& member) const;
  void DamageSomething(SimMember& member, DiskDamage damage);
  bool DamageLog(SimMember& member, DiskDamage damage);
  bool KeepLogDamage(SimMember& member, bool may_lose);
  bool DamageStore(SimMember& member, DiskDamage damage);

  const Settings& settings_;
  Members& members_;
  const Doors doors_;
  SimRandom random_;
  std::set<const SimMember*> log_in_doubt_;  // damaged, and nobody has read it yet
};

}  // namespace pintle::sim

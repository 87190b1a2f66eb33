// FaultAtlas: damages what members have on their disks, any member's, several in one seed, but
// never so much at a time that what was acknowledged is nowhere left.
//
// A member is whole when it could go on from its own disk: its log has everything that it may have
// acknowledged, and its store is intact. A majority of the voters stays whole at any time, of each
// configuration that may be in force (of both sides of a joint one): every committed entry and
// every key is on one of them, and they can elect one of themselves, who fills the others. Whoever
// is not whole may be damaged further; when it has repaired itself, the next one may be. Damage of
// a log where the store has everything that was hit needs no repair: it may befall all members at
// once. A single member gets such damage only; and its store is hit when its log still has all of
// it. The same holds for one that was single once: where the log breaks off it may believe that it
// still is.
//
// A changed value is found by comparison, and its store is then filled again from the member's own
// log: it takes a log that was kept from its first entry on, and that log is left alone until then.
// While all members have theirs whole several may hold such values, so that no majority agrees.
//
// What has one copy in the world is left alone: a member's newest term and vote. And as long as
// somebody runs who has lost its whole disk nobody may forget who that was.
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
  struct Doors {
    // What was done to whom, and the kind that is counted.
    std::function<void(const SimMember&, const std::string& kind)> tell;
    // What is surely on the member's disk.
    std::function<raft::HardState(const SimMember&)> promised;
    // The configurations that may be in force.
    std::function<std::vector<raft::ConfState>()> confs;
    // It is, or was once, the only voter.
    std::function<bool(const SimMember&)> was_alone;
  };
  FaultAtlas(const Settings& settings, const Members& members, Doors doors);

  // Its process is gone: the seed's chance decides what has become of its disk meanwhile.
  void Crashed(SimMember& member);
  // A process is running.
  void Booted(const SimMember& member) { log_in_doubt_.erase(&member); }
  // A table of a running member's store goes bad.
  void Rot(SimMember& member);
  // One of the values that it writes next becomes another one in its store.
  void ChangeValue(SimMember& member);
  // Whether a majority is whole without it.
  bool MayLose(const SimMember& member) const { return IsEnoughWhole(member, 0); }
  // With one to spare: who has lost its disk never says what it held, and as long as it is not
  // replaced one whose last write was torn may have to wait for just that.
  bool MayLoseForGood(const SimMember& member) const {
    return !doors_.was_alone(member) && IsEnoughWhole(member, 1);
  }

 private:
  bool IsWhole(const SimMember& member) const;
  bool NobodyNeedsHelp() const;
  bool IsEnoughWhole(const SimMember& without, size_t spare) const;
  bool IsMajorityWhole(const std::vector<raft::MemberId>& voters, const SimMember& without,
                       size_t spare) const;
  void DamageSomething(SimMember& member, DiskDamage damage);
  bool DamageLog(SimMember& member, DiskDamage damage);
  bool KeepLogDamage(SimMember& member, bool may_lose);
  bool DamageStore(SimMember& member, DiskDamage damage);

  const Settings& settings_;
  const Members& members_;
  const Doors doors_;
  SimRandom random_;
  std::set<const SimMember*> log_in_doubt_;  // damaged, and nobody has read it yet
};

}  // namespace pintle::sim

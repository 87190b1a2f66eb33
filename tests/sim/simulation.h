// Simulation: one seed. A cluster of production Members on virtual disks, network and clocks, its
// clients, its faults, and everything that must hold, checked after every event.
//
//   1. `duration` with the seed's faults, clients, and changes of members.
//   2. Everything is healed and started; new calls stop. Within kLivenessLimit those who run must
//      be the members that the list names, every one of them must have acknowledged a put and a
//      linearizable read, watchers must have been given all, and whatever was changed in a store
//      behind a member's back must have been found and mended.
//   3. All members hold the same state, and it is the truth.
//
// The same seed gives the same Outcome, bit for bit (`hash` covers every event and its time). One
// thread, one simulation at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/history/history.h"
#include "tests/sim/auditor.h"
#include "tests/sim/clients.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/fault_atlas.h"
#include "tests/sim/lease_users.h"
#include "tests/sim/network.h"
#include "tests/sim/operator.h"
#include "tests/sim/raft_checks.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"
#include "tests/sim/watchers.h"

namespace pintle::sim {

struct Outcome {
  absl::Status violation;  // the first
  uint64_t hash = 0;
  absl::Duration simulated = absl::ZeroDuration();
  uint64_t events = 0;
  uint64_t calls = 0;
  uint64_t answered = 0;
  std::map<std::string, uint64_t> faults;        // injected, by kind
  std::map<std::string, uint64_t> fault_points;  // passed, by name
  std::map<std::string, uint64_t> crashes_at;    // of them
};

struct Plan {
  // Tells the story, a line per event worth telling; null: silent.
  std::function<void(const std::string&)> tell;
  // Points, and at which of their passings a member crashes there; others: as the settings say.
  std::map<std::string, uint64_t> crash_at;
  // Crash the member at place 0 at its n-th write or sync; 0: no.
  uint64_t crash_at_operation = 0;
};

class Simulation {
 public:
  static constexpr absl::Duration kLivenessLimit = absl::Seconds(40);

  Simulation(const Settings& settings, Plan plan);
  ~Simulation();

  Outcome Run();

 private:
  void StartMembers();
  SimMember& NewMachine(SimMember::Start start);
  void Retire(SimMember& member);
  SimMember::Hooks MemberHooks();
  Operator::Doors OperatorDoors();
  FaultAtlas::Doors AtlasDoors();
  void NoteFault(const SimMember& member, const std::string& kind);
  void Supervise();
  void PlanFaults();
  void Repeat(const char* kind, absl::Duration mean, std::function<void()> fault);
  void CutSomething();
  void CrashSomebody(bool power);
  void LosePower();
  void RunUntil(absl::Duration end);
  void Step();
  void EndFaults();
  bool WaitUntilLive();
  bool IsLive();
  bool IsAnswered(SimMember& member);
  bool HaveAppliedAll();
  bool CanBeRead();
  bool AreStoresRight();
  std::string WhatIsMissing();
  void CheckAgreement();
  void CheckMembers();
  void CheckHash(SimMember& member);
  void CheckStore(const SimMember& member, const std::vector<kv::EncodedKeyValue>& pairs,
                  int64_t revision);
  void CheckContent();
  void Check(const absl::Status& status);
  void Tell(const std::string& what);
  void Mix(uint64_t value) { outcome_.hash = (outcome_.hash ^ value) * 0x100000001b3; }
  void OnFaultPoint(const char* name);

  static Simulation* current_;

  const Settings settings_;
  const Plan plan_;
  EventQueue events_;
  SimRandom random_;
  VirtualNetwork network_;
  history::History history_;
  RaftChecks raft_checks_;
  std::vector<std::unique_ptr<SimMember>> machines_;  // by place; also those that are gone
  Members members_;
  FaultAtlas atlas_;
  std::unique_ptr<Watchers> watchers_;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<LeaseUsers> lease_users_;
  std::unique_ptr<Operator> operator_;
  Auditor auditor_;
  std::map<kv::Sequence, uint64_t> hashes_;  // of the chain, as the first member has it
  std::map<SimMember::Place, std::shared_ptr<bool>> probes_;
  bool faults_on_ = true;
  Outcome outcome_;
};

}  // namespace pintle::sim

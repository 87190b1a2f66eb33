// Auditor: the person who is called when the members raise CORRUPT: no majority of them agrees, so
// they cannot tell whose store is wrong. It looks which one is (who holds a changed value), throws
// that store away, to be filled from the log, and takes the alarm back once nobody's is wrong.
//
// One thread.
#pragma once

#include <functional>

#include "tests/sim/event_queue.h"
#include "tests/sim/random.h"
#include "tests/sim/settings.h"
#include "tests/sim/sim_member.h"

namespace pintle::sim {

class Auditor {
 public:
  // `tell`: what was done, and the kind that is counted.
  Auditor(const Settings& settings, EventQueue& events, const Members& members,
          std::function<void(const SimMember&, const std::string& kind)> tell);

  // Looks around every now and then, from now on.
  void Turn();

 private:
  SimMember* WhoShowsTheAlarm();
  bool DropWrongStores();
  void Disarm(SimMember& member);

  const Settings& settings_;
  EventQueue& events_;
  const Members& members_;
  const std::function<void(const SimMember&, const std::string& kind)> tell_;
};

}  // namespace pintle::sim

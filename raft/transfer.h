// Transfer: a leader handing over to a chosen voter (thesis §3.10).
//
// The target is brought up to date while no new proposals are taken, is told to campaign at once,
// and is told again with every heartbeat. After an election timeout without success the leader
// gives up and leads on. Pure; lives while the hand-over does.
#pragma once

#include <cstdint>

#include "raft/types.h"

namespace pintle::raft {

class Transfer {
 public:
  explicit Transfer(MemberId target) : target_(target) {}

  MemberId target() const { return target_; }
  // It holds all of the log now and has not been told yet since the last heartbeat.
  bool Due() const { return !told_; }
  void Told() { told_ = true; }
  void Heartbeat() { told_ = false; }
  // True: it has taken too long.
  bool Tick(uint32_t limit_ticks) { return ++elapsed_ticks_ >= limit_ticks; }

 private:
  MemberId target_;
  uint32_t elapsed_ticks_ = 0;
  bool told_ = false;
};

// A leader's own disk that no longer keeps up: others commit, and it does not move.
class StallWatch {
 public:
  // One tick. True: behind what is committed, without any progress, for `limit_ticks`; if that
  // changes nothing, again after kPatience times as long, because clients wait during a hand-over.
  bool Tick(Index persisted, Index committed, uint32_t limit_ticks) {
    if (persisted >= committed || persisted != last_persisted_) {
      last_persisted_ = persisted;
      still_ticks_ = 0;
      told_ = false;
      return false;
    }
    if (++still_ticks_ < (told_ ? kPatience * limit_ticks : limit_ticks)) return false;
    still_ticks_ = 0;
    told_ = true;
    return true;
  }

 private:
  static constexpr uint32_t kPatience = 5;

  Index last_persisted_;
  uint32_t still_ticks_ = 0;
  bool told_ = false;
};

}  // namespace pintle::raft

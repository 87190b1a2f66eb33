// SimRandom: all chance of one simulation, out of one seed (splitmix64: the same on every machine).
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "raft/random.h"

namespace pintle::sim {

class SimRandom final : public raft::Random {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() override {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t limit) { return Next() % limit; }
  uint64_t Between(uint64_t least, uint64_t most) { return least + Below(most - least + 1); }
  bool Chance(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
  }
  // Mostly short, sometimes long: most of what takes time does so.
  absl::Duration Latency(absl::Duration usual) {
    const absl::Duration base = usual * (0.5 + static_cast<double>(Below(1000)) / 1000);
    return Below(50) == 0 ? base * 20 : base;
  }

 private:
  uint64_t state_;
};

}  // namespace pintle::sim

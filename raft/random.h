// Random: where raft's randomness comes from. Raft has none of its own, so that a seed decides a
// run.
#pragma once

#include <cstdint>

namespace pintle::raft {

class Random {
 public:
  virtual ~Random() = default;
  // Any 64 bits, evenly distributed.
  virtual uint64_t Next() = 0;
};

}  // namespace pintle::raft

// Checkpoint: what a store looks like at one position of the log, as one number. Members that
// applied the same entries have the same one. A plain value, and how it travels.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "raft/types.h"

namespace pintle::server::replica {

struct Checkpoint {
  // The numbers are on the wire: never reuse one.
  enum class Kind : uint8_t {
    kChain = 1,    // kv/hash_chain.h
    kContent = 2,  // kv/content_hash.h
  };
  Kind kind = Kind::kChain;
  raft::Index index;
  uint64_t hash = 0;
  // Has got there, but with what another member has: says nothing about who is right.
  static constexpr uint64_t kNoWitness = 0;
  friend auto operator<=>(const Checkpoint&, const Checkpoint&) = default;
};

// Every so many entries the chains are compared.
inline constexpr uint64_t kCheckpointEvery = 1024;

// What a member tells the others once a second (docs/formats/peers.md, "Reports").
struct MemberReport {
  static constexpr size_t kMostCheckpoints = 16;
  raft::MemberId from;
  bool short_of_room = false;
  bool keeps_alarm = false;  // its NOSPACE alarm, if there is one, is still due (quota.h)
  std::vector<Checkpoint> checkpoints;  // the newest
};
std::string EncodeReport(const MemberReport& report);
// False: not what EncodeReport makes; also a report of another version, which says nothing to us.
bool DecodeReport(std::string_view body, MemberReport& report);

}  // namespace pintle::server::replica

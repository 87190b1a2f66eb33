// What members ask each other, besides raft: bodies of PeerQuestion and of the answers. Pure
// encoding and decoding; layouts in docs/formats/peers.md.
//
// Decoders return false for anything that the encoder cannot have made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

// What a follower asks its leader about a lease; answered by the leader's lessor.
struct LeaseQuestion {
  enum class Kind : uint8_t { kKeepAlive = 1, kTimeToLive = 2 };
  Kind kind = Kind::kKeepAlive;
  int64_t lease_id = 0;
};
struct LeaseAnswer {
  bool is_leader = false;  // false: ask somebody else
  int64_t ttl_seconds = 0;
  int64_t granted_ttl_seconds = 0;
};

PeerQuestion EncodeLeaseQuestion(const LeaseQuestion& question);
bool DecodeLeaseQuestion(std::string_view body, LeaseQuestion& question);
std::string EncodeLeaseAnswer(const LeaseAnswer& answer);
bool DecodeLeaseAnswer(std::string_view body, LeaseAnswer& answer);

// What became of a change of members.
std::string EncodeStatus(const absl::Status& status);
bool DecodeStatus(std::string_view body, absl::Status& status);

}  // namespace pintle::server::replica

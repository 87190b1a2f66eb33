// The payload of a log entry: request id, kind, on whose behalf, and the client's request message
// as it came.
//
// Made once, by the member that took the request; the same bytes lie in the log, travel to the
// peers and are applied. Layout: fixed64 request id; varint kind * 4 + origin (kv::auth::Caller:
// 0 the cluster itself, 1 a client without a name, 2 a user); of a user, varint length, name and
// varint auth revision; body. Part of the log's format.
#pragma once

#include <cstdint>
#include <string_view>

#include "kv/auth/types.h"
#include "raft/entry.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

struct DecodedProposal {
  uint64_t request_id = 0;
  RequestKind kind{};
  kv::auth::Caller caller;
  std::string_view body;
};

raft::Payload EncodeProposal(uint64_t request_id, RequestKind kind, std::string_view body,
                             const kv::auth::Caller& caller = kv::auth::Caller::Cluster());
// False: not a proposal.
bool DecodeProposal(std::string_view payload, DecodedProposal& proposal);

}  // namespace pintle::server::replica

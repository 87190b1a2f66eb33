// The payload of a log entry: request id, kind, and the client's request message as it came.
//
// Made once, by the member that took the request; the same bytes lie in the log, travel to the
// peers and are applied. Layout: fixed64 request id, one byte kind, body. Part of the log's format.
#pragma once

#include <cstdint>
#include <string_view>

#include "raft/entry.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

struct DecodedProposal {
  uint64_t request_id = 0;
  RequestKind kind{};
  std::string_view body;
};

raft::Payload EncodeProposal(uint64_t request_id, RequestKind kind, std::string_view body);
// False: not a proposal.
bool DecodeProposal(std::string_view payload, DecodedProposal& proposal);

}  // namespace pintle::server::replica

#include "server/replica/proposal_codec.h"

#include <memory>
#include <string>
#include <utility>

#include "base/byte_codec.h"

namespace pintle::server::replica {

raft::Payload EncodeProposal(uint64_t request_id, RequestKind kind, std::string_view body) {
  std::string out;
  out.reserve(body.size() + 9);
  base::AppendFixed64(out, request_id);
  out.push_back(static_cast<char>(kind));
  out.append(body);
  return std::make_shared<const std::string>(std::move(out));
}

bool DecodeProposal(std::string_view payload, DecodedProposal& proposal) {
  base::ByteReader reader(payload);
  std::string_view kind;
  if (!reader.TakeFixed64(proposal.request_id) || !reader.TakeBytes(1, kind)) return false;
  proposal.kind = static_cast<RequestKind>(kind[0]);
  proposal.body = reader.rest();
  return true;
}

}  // namespace pintle::server::replica

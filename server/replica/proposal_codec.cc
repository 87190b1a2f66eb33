#include "server/replica/proposal_codec.h"

#include <memory>
#include <string>
#include <utility>

#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

using kv::auth::Caller;

constexpr uint64_t kOrigins = 4;
constexpr size_t kMostHeadBytes = 8 + 3;  // of a request that is not a user's

}  // namespace

raft::Payload EncodeProposal(uint64_t request_id, RequestKind kind, std::string_view body,
                             const Caller& caller) {
  std::string out;
  out.reserve(kMostHeadBytes + body.size());
  base::AppendFixed64(out, request_id);
  base::AppendVarint(out,
                     static_cast<uint64_t>(kind) * kOrigins + static_cast<uint64_t>(caller.origin));
  if (caller.origin == Caller::Origin::kUser) {
    base::AppendVarint(out, caller.user.size());
    out.append(caller.user);
    base::AppendVarint(out, caller.auth_revision);
  }
  out.append(body);
  return std::make_shared<const std::string>(std::move(out));
}

bool DecodeProposal(std::string_view payload, DecodedProposal& proposal) {
  base::ByteReader reader(payload);
  uint64_t head = 0;
  if (!reader.TakeFixed64(proposal.request_id) || !reader.TakeVarint(head)) return false;
  if (head / kOrigins > UINT16_MAX || head % kOrigins > uint64_t{2}) return false;
  proposal.kind = static_cast<RequestKind>(head / kOrigins);
  proposal.caller = {.origin = static_cast<Caller::Origin>(head % kOrigins)};
  if (proposal.caller.origin == Caller::Origin::kUser) {
    std::string_view user;
    if (!reader.TakeDelimited(user) || !reader.TakeVarint(proposal.caller.auth_revision)) {
      return false;
    }
    proposal.caller.user = user;
  }
  proposal.body = reader.rest();
  return true;
}

}  // namespace pintle::server::replica

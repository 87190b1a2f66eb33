// Answers as bytes. The pairs in them are the store's own encoded bytes, spliced in: nothing of a
// reply is built as a Protobuf object and encoded again. Field numbers: proto/etcd/rpc.proto.
#pragma once

#include <cstdint>
#include <string>

#include "kv/command.h"
#include "server/replica/local_member.h"

namespace pintle::server::etcd {

// What every answer's header says besides the revision.
struct HeaderFacts {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  uint64_t raft_term = 0;
};

HeaderFacts FactsOf(const replica::LocalMember& member);

// A ResponseHeader message, without tag.
std::string EncodeHeader(const HeaderFacts& facts, int64_t revision);

std::string EncodeRangeResponse(const HeaderFacts& facts, const kv::RangeResult& result);
std::string EncodePutResponse(const HeaderFacts& facts, const kv::PutResult& result);
std::string EncodeDeleteRangeResponse(const HeaderFacts& facts,
                                      const kv::DeleteRangeResult& result);
// Answers nested in it have a header with only the revision; that of a nested transaction is empty.
std::string EncodeTxnResponse(const HeaderFacts& facts, const kv::TxnResult& result);
// Any answer that is nothing but its header (Compact, LeaseRevoke).
std::string EncodeHeaderOnly(const HeaderFacts& facts, int64_t revision);

}  // namespace pintle::server::etcd

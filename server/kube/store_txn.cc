#include "server/kube/store_txn.h"

#include "base/byte_codec.h"

namespace pintle::server::kube {
namespace {

// Field numbers of proto/etcd/rpc.proto.
constexpr uint32_t kTxnCompare = 1, kTxnSuccess = 2;
constexpr uint32_t kCompareTarget = 2, kCompareKey = 3, kCompareModRevision = 6;
constexpr uint64_t kTargetMod = 2;
constexpr uint32_t kOpPut = 2, kOpDeleteRange = 3;
constexpr uint32_t kPutKey = 1, kPutValue = 2, kPutLease = 3;
constexpr uint32_t kDeleteKey = 1;
constexpr uint32_t kGrantTtl = 1, kGrantId = 2;

std::string EncodeGuard(const StoreTxn::Guard& guard) {
  std::string out;
  base::AppendVarintField(out, kCompareTarget, kTargetMod);
  base::AppendBytesField(out, kCompareKey, guard.key);
  // Zero is written too: it is a oneof's value, and "must not exist" is said by it.
  base::AppendVarint(out, kCompareModRevision << 3);
  base::AppendVarint(out, static_cast<uint64_t>(guard.mod_revision));
  return out;
}

std::string EncodePut(const StoreTxn::Put& put) {
  std::string message;
  message.reserve(put.key.size() + put.value.size() + 32);
  base::AppendBytesField(message, kPutKey, put.key);
  base::AppendBytesField(message, kPutValue, put.value);
  base::AppendVarintField(message, kPutLease, static_cast<uint64_t>(put.lease.value()));
  std::string op;
  base::AppendMessageField(op, kOpPut, message);
  return op;
}

}  // namespace

std::string EncodeTxn(const StoreTxn& txn) {
  std::string out;
  for (const StoreTxn::Guard& guard : txn.guards)
    base::AppendMessageField(out, kTxnCompare, EncodeGuard(guard));
  for (const StoreTxn::Put& put : txn.puts)
    base::AppendMessageField(out, kTxnSuccess, EncodePut(put));
  for (const std::string& key : txn.deletes) {
    std::string message, op;
    base::AppendBytesField(message, kDeleteKey, key);
    base::AppendMessageField(op, kOpDeleteRange, message);
    base::AppendMessageField(out, kTxnSuccess, op);
  }
  return out;
}

std::string EncodeLeaseGrant(kv::LeaseId id, int64_t ttl_seconds) {
  std::string out;
  base::AppendVarintField(out, kGrantTtl, static_cast<uint64_t>(ttl_seconds));
  base::AppendVarintField(out, kGrantId, static_cast<uint64_t>(id.value()));
  return out;
}

}  // namespace pintle::server::kube

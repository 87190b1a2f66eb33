// StoreTxn: the shape of every write of the façade, the same that kube-apiserver sends to etcd: "if
// these keys are as I read them, put and delete these", as bytes for LocalMember::Propose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kv/types.h"

namespace pintle::server::kube {

struct StoreTxn {
  struct Guard {
    std::string key;
    int64_t mod_revision = 0;  // 0: the key must not exist
  };
  struct Put {
    std::string key;
    std::string value;
    kv::LeaseId lease;
  };

  std::vector<Guard> guards;
  std::vector<Put> puts;
  std::vector<std::string> deletes;

  bool empty() const { return puts.empty() && deletes.empty(); }
};

// etcdserverpb.TxnRequest (proto/etcd/rpc.proto).
std::string EncodeTxn(const StoreTxn& txn);
// etcdserverpb.LeaseGrantRequest.
std::string EncodeLeaseGrant(kv::LeaseId id, int64_t ttl_seconds);

}  // namespace pintle::server::kube

// Generator: an endless stream of requests from one seed, the same for every server. It aims at
// the edges of etcd's API: few keys and many ranges over them, revisions around the compacted and
// the current one, unknown leases, flags that exclude each other, nested transactions with
// duplicate keys and too many operations, and messages with damaged bytes.
//
// Thread: any, one at a time. What it must know of the store it is told (Learn): the current and
// the compacted revision.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "proto/etcd/rpc.pb.h"

namespace pintle::tests {

struct Request {
  std::string path;   // "/etcdserverpb.KV/Range"
  std::string bytes;  // as they go on the wire
  bool damaged = false;
  bool reads = false;  // changes nothing: several may be under way at once
};

class Generator {
 public:
  Generator(uint64_t seed, std::string release) : random_(seed), release_(std::move(release)) {}

  Request Next();
  void Learn(int64_t revision, int64_t compacted) {
    revision_ = revision;
    compacted_ = compacted;
  }
  // A watch on a few keys or a range of them, from now, the past or the future.
  etcdserverpb::WatchRequest WatchCreate(int64_t watch_id);

 private:
  bool OneIn(int n) { return Below(n) == 0; }
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  std::string Key();
  std::string RangeEnd(const std::string& key);
  std::string Value();
  int64_t Revision();
  int64_t Lease();
  etcdserverpb::RangeRequest Range();
  etcdserverpb::PutRequest Put();
  etcdserverpb::DeleteRangeRequest Delete();
  etcdserverpb::Compare Compare();
  etcdserverpb::TxnRequest Txn();
  etcdserverpb::TxnRequest Txn(int depth);
  void Operation(etcdserverpb::RequestOp& operation, int depth);
  Request LeaseCall();
  Request AuthCall();
  Request UserCall(const std::string& user, const std::string& role);
  Request RoleCall(const std::string& role);
  Request OtherCall();
  Request Seldom();
  Request Damaged(Request request);

  std::mt19937_64 random_;
  std::string release_;
  int64_t revision_ = 1;
  int64_t compacted_ = -1;
  etcdserverpb::AlarmRequest alarm_;  // the last one, to be switched off when disarm_in_ is 0
  int disarm_in_ = 0;
};

// "/etcdserverpb.KV/Range" → its request and response types, by the descriptors.
struct Method {
  const google::protobuf::Descriptor* request = nullptr;
  const google::protobuf::Descriptor* response = nullptr;
};
Method MethodOf(const std::string& path);

}  // namespace pintle::tests

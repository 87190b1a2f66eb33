// Generator: an endless stream of requests from one seed, the same for every server. It aims at
// the edges of etcd's API: few keys and many ranges over them, revisions around the compacted and
// the current one, unknown leases and members, flags that exclude each other, nested transactions
// with duplicate keys and too many operations, numbers that no enumeration has, fields that nobody
// knows, and messages with damaged bytes. For a while every few thousand requests auth is on, and
// requests come from users with and without rights, with wrong tokens and with none.
//
// Thread: any, one at a time. What it must know of the store it is told (Learn): the current and
// the compacted revision, and who was elected.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include "proto/etcd/election.pb.h"
#include "proto/etcd/rpc.pb.h"
#include "tests/differential/method.h"

namespace pintle::tests {

struct Request {
  std::string path;   // "/etcdserverpb.KV/Range"
  std::string bytes;  // as they go on the wire, but for stand-ins (names.h)
  bool damaged = false;
  bool reads = false;      // changes nothing: several may be under way at once
  std::string user;        // whose token goes along; empty: none
  bool anonymous = false;  // stays so
  bool goes_on = false;    // sends nothing: what comes next on the stream that was opened last
};

// Stand for the ids of the one member, and of the learner that was added last.
inline constexpr uint64_t kItself = 1000001;
inline constexpr uint64_t kLearner = 1000002;

inline constexpr char kChangedKey[] = "changed";

class Generator {
 public:
  Generator(uint64_t seed, std::string release) : random_(seed), release_(std::move(release)) {
    leader_.set_lease(1);  // for one without a lease etcd grants a new one, of an id of its own
  }

  Request Next();
  // Of kChangedKey, by one who may.
  Request Change();
  void Learn(int64_t revision, int64_t compacted) {
    revision_ = revision;
    compacted_ = compacted;
  }
  void Learn(v3electionpb::LeaderKey leader) { leader_ = std::move(leader); }
  // A watch on a few keys or a range of them, from now, the past or the future.
  etcdserverpb::WatchRequest WatchCreate(int64_t watch_id);
  // What goes together is under way: auth, being switched on, say.
  bool in_script() const { return !script_.empty(); }
  // Whoever asks next: one of the users while auth is on.
  std::string AnyUser();

 private:
  bool OneIn(int n) { return Below(n) == 0; }
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  Request Any();
  bool IsForAnybody(const Request& request) const;

  // generator.cc
  std::string Key();
  std::string RangeEnd(const std::string& key);
  std::string Value();
  int64_t Revision();
  etcdserverpb::RangeRequest Range();
  etcdserverpb::PutRequest Put();
  etcdserverpb::DeleteRangeRequest Delete();
  etcdserverpb::Compare Compare();
  etcdserverpb::TxnRequest Txn();
  etcdserverpb::TxnRequest Txn(int depth);
  void Operation(etcdserverpb::RequestOp& operation, int depth);
  Request KvCall();

  // generator_auth.cc
  Request AuthCall();
  Request UserCall(const std::string& user, const std::string& role);
  Request RoleCall(const std::string& role);
  Request RoleGrant(const std::string& role);
  Request Login(const std::string& user);
  void SwitchAuthOn();
  void SwitchAuthOff();

  // generator_other.cc
  int64_t Lease();
  uint64_t Member();
  Request LeaseCall();
  Request ClusterCall();
  Request MaintenanceCall();
  Request DowngradeCall();
  Request RecipeCall();
  void Observe();
  Request Seldom();

  // generator_damage.cc
  Request BadCall();
  Request Damaged(Request request);
  Request Odd(Request request);
  Request Unknown();

  std::mt19937_64 random_;
  std::string release_;
  int64_t revision_ = 1;
  int64_t compacted_ = -1;
  v3electionpb::LeaderKey leader_;
  etcdserverpb::AlarmRequest alarm_;  // that is up, to be switched off when disarm_in_ is 0
  int disarm_in_ = 0;
  int removals_ = 0;            // of members
  std::deque<Request> script_;  // comes before anything else
  int auth_in_ = 1500;          // requests until auth is switched on
  int auth_left_ = 0;           // requests until it is switched off; 0: it is off
};

// "KV/Range", or with its package, "v3lockpb.Lock/Lock".
Request RequestOf(std::string_view method, const google::protobuf::Message& message, bool reads);

}  // namespace pintle::tests

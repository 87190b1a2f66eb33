// LocalMember: this member, as the two faces (server/etcd, server/kube) see it. Two doors and some
// facts.
//
//   Propose            the write door: through raft, answered from this member's own apply
//   LinearizableRead   the read gate: a ReadView no older than the moment of the call, confirmed by
//   a quorum
//
// Threads: every call from any thread. Callbacks run on a thread of the member's (apply, replica):
// they must not block and normally post to the caller's executor. Each callback is called exactly
// once, also at shutdown. Limits: requests waiting (5000, "etcdserver: too many requests"), bytes
// of one request (max_request_bytes, "etcdserver: request is too large"), both answered at once.
// Errors (texts in server/replica/errors.h): "etcdserver: request timed out", "etcdserver: leader
// changed", "etcdserver: no leader", "etcdserver: server stopped"; a proposal that timed out may
// still be applied later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kv/auth/types.h"
#include "kv/backend.h"
#include "kv/command.h"
#include "kv/read_view.h"
#include "server/storage/data_dir.h"
#include "watch/hub.h"

namespace pintle::server::replica {

// Which message of proto/etcd/rpc.proto the body of a proposal is. Numbers are part of the log
// format: they equal the field numbers of etcd's InternalRaftRequest.
enum class RequestKind : uint16_t {
  kPut = 4,
  kDeleteRange = 5,
  kTxn = 6,
  kCompaction = 7,
  kLeaseGrant = 8,
  kLeaseRevoke = 9,
  kAlarm = 10,
  kLeaseCheckpoint = 11,
  kHashCheck = 132,         // every member makes a content hash of its store, here; no body
  kMemberAttributes = 131,  // a member publishes its name and client URLs (cluster.h)
  // Our own; etcd has none of them.
  kFirstMembers = 200,  // who the cluster begins with; part of the first record of ConfState
  kMemberChange = 201,  // what goes with a conf change (member_list.h)
  kFeatureLevel = 202,  // raises the cluster's feature level (feature_level.h)
  // Who may do what (kv/auth/request.h).
  kAuthEnable = 1000,
  kAuthDisable = 1011,
  kAuthenticate = 1012,
  kAuthUserAdd = 1100,
  kAuthUserDelete = 1101,
  kAuthUserChangePassword = 1103,
  kAuthUserGrantRole = 1104,
  kAuthUserRevokeRole = 1105,
  kAuthRoleAdd = 1200,
  kAuthRoleDelete = 1201,
  kAuthRoleGrantPermission = 1203,
  kAuthRoleRevokePermission = 1204,
  kDowngrade = 1302,  // operators want to go back to an older version, or no longer (cluster.h)
};

// What a proposal led to. `raft_term` and `raft_index` are where it was applied.
struct Applied {
  uint64_t raft_term = 0;
  uint64_t raft_index = 0;
  int64_t revision = 0;  // the store's, after it
  kv::CommandResult result;
};

struct ClusterMember {
  uint64_t id = 0;
  std::string name{};  // empty until the member has published it
  std::vector<std::string> peer_urls{};
  std::vector<std::string> client_urls{};
  bool is_learner = false;
  // Does not vote yet, and is made a voter by the leader as soon as it is in sync; clients are told
  // that it is one. In the place of `replaces`, unless that is 0.
  bool promotes_itself = false;
  uint64_t replaces = 0;
  // What it has published about itself, with its name; zero until then.
  storage::DataDirId data_dir{};
  uint32_t feature_level = 0;  // the highest that it knows
};

// What operators may ask for.
struct MemberChange {
  enum class Kind : uint8_t { kAdd = 1, kRemove = 2, kUpdate = 3, kPromote = 4 };
  Kind kind = Kind::kAdd;
  uint64_t id = 0;                       // kAdd: the new one's, chosen by the caller
  std::vector<std::string> peer_urls{};  // kAdd, kUpdate
  bool learner = false;                  // kAdd: until it is promoted by name
  uint64_t replaces = 0;                 // kAdd: the member whose place it takes
};

struct MemberStatus {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  uint64_t leader_id = 0;  // 0: none known
  uint64_t raft_term = 0;
  uint64_t committed_index = 0;
  uint64_t applied_index = 0;
  bool is_leader = false;
  bool ready = false;         // has applied everything that was committed when it started
  int64_t db_size_bytes = 0;  // of every revision that can be read: what the quota counts
  int64_t leader_changes = 0;
  int64_t proposals_pending = 0;
  int64_t proposals_failed = 0;
};

class LocalMember {
 public:
  virtual ~LocalMember() = default;

  // `body`: the encoded request message, already checked (kv/validate.h). An error that apply gives
  // (for example "etcdserver: requested lease not found") comes as the status.
  using ProposeDone = absl::AnyInvocable<void(absl::StatusOr<Applied>)>;
  void Propose(RequestKind kind, std::string body, ProposeDone done) {
    ProposeFor(kv::auth::Caller::Cluster(), kind, std::move(body), std::move(done));
  }
  // On behalf of a client: whether it may is decided at apply (kv/auth/authorize.h).
  virtual void ProposeFor(kv::auth::Caller caller, RequestKind kind, std::string body,
                          ProposeDone done) = 0;

  // "database space exceeded", and the alarm is on its way, when the request would take the store
  // past its quota. etcd asks so before anything else (etcd-api 1.10); ProposeFor does, too.
  virtual absl::Status CheckRoom(RequestKind kind, std::string_view body) = 0;

  // Whether clients must say who they are, as far as is applied here. Costs one load.
  virtual bool auth_enabled() const = 0;
  // Whose simple token this is; keeps it alive. nullopt: nobody's, or not known here yet.
  virtual std::optional<std::string> UserOfToken(std::string_view token) = 0;

  using ReadDone = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const kv::ReadView>>)>;
  virtual void LinearizableRead(ReadDone done) = 0;

  virtual std::shared_ptr<const kv::ReadView> view()
      const = 0;  // newest local one: serializable reads
  // False: view() is not to be believed, or far behind (store_repair.h); who reads it, or begins to
  // watch, is answered ErrStoreUnderRepair. The two doors see to it themselves.
  virtual bool store_usable() const { return true; }
  // The store as it stands between two entries of the log, for who reads all of it; nobody else is
  // asked. Never called when the member stops first.
  using FreezeDone =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<const kv::BackendReader>>)>;
  virtual void Freeze(FreezeDone done) = 0;
  // Runs `work`, which may read the disk for some 10 ms, on a thread that no request waits for.
  // Dropped when the member stops first.
  virtual void RunInBackground(std::function<void()> work) = 0;
  virtual watch::Hub& hub() = 0;
  virtual MemberStatus status() const = 0;
  virtual std::vector<ClusterMember> members() const = 0;  // sorted by id
  // The version, "3.6.0", that operators want to go back to (kDowngrade); empty: none.
  virtual std::string downgrade_target() const = 0;
  // This member is a learner, also to clients: it answers few of them.
  virtual bool is_learner() const = 0;

  // Asks the leader, wherever it is, for a change. Answered once it is in force and applied here,
  // with the members then. Errors are etcd's (member_rules.h).
  using MembersDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<ClusterMember>>)>;
  virtual void ChangeMembers(MemberChange change, MembersDone done) = 0;

  // Leases: only the leader knows the remaining time; a follower asks it over the peers' link.
  // TTL 0: unknown or expired lease (not an error, as in etcd). Keep-alive renews.
  using KeepAliveDone = absl::AnyInvocable<void(absl::StatusOr<int64_t> ttl_seconds)>;
  virtual void LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) = 0;
  struct LeaseTime {
    // Whole seconds remaining, 0 or less when it has expired and is not revoked yet.
    int64_t ttl_seconds = -1;
    int64_t granted_ttl_seconds = 0;  // 0: unknown lease
  };
  using TimeToLiveDone = absl::AnyInvocable<void(absl::StatusOr<LeaseTime>)>;
  virtual void LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) = 0;
  // etcd's HashKV (kv/kv_hash.h) of this member's store, 0: as of now; and a number for everything
  // that it stores.
  struct KvHashAnswer {
    uint32_t hash = 0;
    int64_t compact_revision = -1;
    int64_t hash_revision = 0;
    int64_t revision = 0;  // the store's, when it was answered
  };
  using HashKvDone = absl::AnyInvocable<void(absl::StatusOr<KvHashAnswer>)>;
  virtual void HashKv(int64_t revision, HashKvDone done) = 0;
  virtual void HashAll(HashKvDone done) = 0;

  // This member's; the leader's by what is left of them.
  virtual std::vector<kv::LeaseId> leases() const = 0;
  virtual int64_t min_lease_ttl_seconds()
      const = 0;  // ceil(1.5 × election timeout), at least 2 with the defaults
};

}  // namespace pintle::server::replica

// ReplicaNode: this member's replica, whole: log, store, raft, peers and threads behind the two
// doors.
//
// Owner: server/server.cc. Start() recovers from the data-dir, begins to listen for peers and
// returns; a leader may not be known yet. Destroying it stops: requests that still wait are
// answered "etcdserver: server stopped". Errors of Start are one line for the operator (data-dir in
// use, another member's, damaged log, port in use).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kv/backend.h"
#include "kv/store.h"
#include "server/replica/local_member.h"
#include "server/replica/peer_transport.h"
#include "server/storage/wal.h"

namespace pintle::server::replica {

struct ReplicaOptions {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  std::vector<ClusterMember> members;  // all, with ids and peer URLs
  // What this member tells the others about itself.
  std::string name;
  std::vector<std::string> client_urls;

  std::string data_dir;
  // --initial-cluster-state=existing: an empty data-dir is refused, since a voter that has lost its
  // log would forget votes and acknowledged entries.
  bool must_have_log = false;
  int64_t heartbeat_interval_ms = 100;
  int64_t election_timeout_ms = 1000;
  size_t max_request_bytes = 1572864;
  size_t max_pending_requests = 5000;
  storage::WalOptions wal;
  kv::StoreOptions store;
  watch::HubOptions hub;

  // Makes the store's backend in the given folder; production: LeveldbBackend.
  std::function<absl::StatusOr<std::unique_ptr<kv::Backend>>(const std::string& folder)>
      open_backend;
  std::unique_ptr<PeerTransport> transport;
};

class ReplicaNode : public LocalMember {
 public:
  static absl::StatusOr<std::unique_ptr<ReplicaNode>> Start(ReplicaOptions options);
  ~ReplicaNode() override;

  // Ends threads and answers everybody. The faces must not call any more afterwards.
  void Stop();

  void Propose(RequestKind kind, std::string body, ProposeDone done) override;
  void LinearizableRead(ReadDone done) override;
  std::shared_ptr<const kv::ReadView> view() const override;
  watch::Hub& hub() override;
  MemberStatus status() const override;
  std::vector<ClusterMember> members() const override;
  void LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) override;
  void LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) override;
  int64_t min_lease_ttl_seconds() const override;

  const storage::Wal::Stats& wal_stats() const;
  PeerTransport::Stats peer_stats() const;

 private:
  struct Impl;
  explicit ReplicaNode(std::unique_ptr<Impl> impl);

  void AskLeader(LeaseQuestion question,
                 absl::AnyInvocable<void(absl::StatusOr<LeaseAnswer>)> done);

  std::unique_ptr<Impl> impl_;
};

}  // namespace pintle::server::replica

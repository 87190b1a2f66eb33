// Member: one member of the cluster, whole, without threads: log, store, raft, leases, watch, and
// the two doors (local_member.h). What production's threads do (replica_loop.h), the simulator does
// in one thread and in virtual time, with the very same object.
//
// The doors to the world are passed in: disk, clock, chance, network. Nothing else reads time or
// chance, and no Step waits for anything:
//
//   driver()         TakeEvents, Tick, DispatchAll    the replica thread's turn
//   log_writer()     Step                             the wal thread's turn
//   apply_worker()   Step                             the apply thread's turn
//   snapshots()      Step                             the snapshot thread's turn
//
// Owner: ReplicaNode, or a test. Open recovers from the data-dir, begins to listen for peers and
// returns; a leader may not be known yet. Errors are one line for the operator (data-dir in use,
// another member's, damaged log, port in use). It may be destroyed at any time between two Steps,
// and waits for nothing then; who still waits for an answer gets "etcdserver: server stopped".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kv/backend.h"
#include "kv/store.h"
#include "raft/random.h"
#include "server/replica/alarm_proposer.h"
#include "server/replica/applier.h"
#include "server/replica/apply_worker.h"
#include "server/replica/auto_compactor.h"
#include "server/replica/clock.h"
#include "server/replica/content_check.h"
#include "server/replica/counters.h"
#include "server/replica/driver.h"
#include "server/replica/feature_level.h"
#include "server/replica/integrity.h"
#include "server/replica/kv_hashes.h"
#include "server/replica/lease_asker.h"
#include "server/replica/local_member.h"
#include "server/replica/log_writer.h"
#include "server/replica/member_rules.h"
#include "server/replica/peer_questions.h"
#include "server/replica/peer_transport.h"
#include "server/replica/quota.h"
#include "server/replica/room_watch.h"
#include "server/replica/simple_tokens.h"
#include "server/replica/snapshot_worker.h"
#include "server/replica/store_repair.h"
#include "server/storage/data_dir.h"
#include "server/storage/wal.h"

namespace pintle::server::replica {

struct MemberOptions {
  uint64_t cluster_id = 0;
  uint64_t member_id = 0;
  // Who the cluster begins with, this member among them; with ids and peer URLs. Empty: this member
  // joins a cluster, whose leader tells it everything.
  std::vector<ClusterMember> members;
  // Asks the others who the members are, where neither the log nor `members` says it; in Open. Its
  // errors are Open's. Empty: it waits until it is greeted.
  std::function<absl::StatusOr<MemberList>()> ask_members;
  std::vector<std::string> peer_urls;  // this member's, until it knows better
  // What this member tells the others about itself.
  std::string name;
  std::vector<std::string> client_urls;

  std::string data_dir;
  std::string wal_dir;  // where the log lies; empty: in the data-dir (log_place.h)
  uint32_t feature_level = kFeatureLevel;  // the highest that this member knows
  bool strict_reconfig_check = true;
  // The others are lost for good: this member goes on alone, with what it has. They must never be
  // started again with their data.
  bool force_new_cluster = false;
  // What the peer port answers by HTTP. Any thread.
  std::function<std::optional<PeerPage>(const LocalMember&, std::string_view path)> peer_page =
      [](const LocalMember&, std::string_view) { return std::nullopt; };
  // This member must stop: it has been removed, or came back without its data. For its operator;
  // called once or more, on any thread.
  std::function<void(Refusal, const std::string& why)> must_stop = [](Refusal, const std::string&) {
  };
  // A compaction has deleted everything below its revision. For the log; on the apply thread.
  std::function<void(int64_t revision, absl::Duration took)> on_compacted = [](int64_t,
                                                                               absl::Duration) {};
  int64_t heartbeat_interval_ms = 100;
  int64_t election_timeout_ms = 1000;
  size_t max_request_bytes = 1572864;
  size_t max_pending_requests = 5000;
  absl::Duration auth_token_ttl = absl::Minutes(5);  // of simple tokens, from their last use
  // How often what is left of a long lease is written down (lessor.h).
  absl::Duration lease_checkpoint_interval = absl::Minutes(5);
  int64_t quota_bytes = 0;  // of the store (quota.h); 0: none
  // Compactions that the leader proposes by itself.
  AutoCompactor::Options auto_compaction;
  // How often the leader has everybody's content checked (content_check.h).
  absl::Duration content_check_interval = absl::InfiniteDuration();
  // A store that found no room is opened again when there is this much.
  uint64_t room_to_go_on_bytes = uint64_t{8} << 20;
  // With less free writes are refused, before anything fails (room_watch.h); 0: never.
  uint64_t least_room_bytes = 0;
  storage::WalOptions wal;
  LogRetention retention;
  kv::StoreOptions store;
  watch::HubOptions hub;

  // Makes the store's backend in the given folder; production: LeveldbBackend.
  std::function<absl::StatusOr<std::unique_ptr<kv::Backend>>(const std::string& folder)>
      open_backend;
};

class Member final : public LocalMember {
 public:
  // All outlive the member.
  struct Doors {
    storage::FileSystem& files;
    const Clock& clock;
    raft::Random& random;
    PeerTransport& transport;
  };
  static absl::StatusOr<std::unique_ptr<Member>> Open(MemberOptions options, Doors doors);
  ~Member() override;

  // Nothing new is taken, from clients or peers. Then the threads end, then AnswerWaiting.
  void Close();
  void AnswerWaiting();

  Driver& driver() { return *driver_; }
  LogWriter& log_writer() { return *log_writer_; }
  ApplyWorker& apply_worker() { return *apply_worker_; }
  SnapshotWorker& snapshots() { return *snapshot_worker_; }

  void ProposeFor(kv::auth::Caller caller, RequestKind kind, std::string body,
                  ProposeDone done) override;
  absl::Status CheckRoom(RequestKind kind, std::string_view body) override;
  bool auth_enabled() const override { return store_->auth_enabled(); }
  std::optional<std::string> UserOfToken(std::string_view token) override;
  void LinearizableRead(ReadDone done) override;
  std::shared_ptr<const kv::ReadView> view() const override;
  bool store_usable() const override { return repair_->usable(); }
  void Freeze(FreezeDone done) override;
  void RunInBackground(std::function<void()> work) override;
  watch::Hub& hub() override;
  MemberStatus status() const override;
  std::vector<ClusterMember> members() const override;
  std::string downgrade_target() const override { return cluster_->downgrade_target(); }
  bool is_learner() const override { return is_learner_; }
  void ChangeMembers(MemberChange change, MembersDone done) override;
  void LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) override;
  void LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) override;
  std::vector<kv::LeaseId> leases() const override;
  void HashKv(int64_t revision, HashKvDone done) override;
  void HashAll(HashKvDone done) override;
  int64_t min_lease_ttl_seconds() const override;

  // Requests that wait for an answer.
  size_t waiting() const { return proposals_->size() + reads_->size(); }
  uint32_t feature_level() const { return cluster_->list()->feature_level; }  // the cluster's
  // False once it has been removed.
  bool is_member() const { return !cluster_->list()->WasRemoved(options_.member_id); }
  // Another member asks; any thread.
  void AnswerPeer(const PeerQuestion& question, PeerTransport::Callbacks::Answer answer);

  const storage::Wal::Stats& wal_stats() const { return wal_->stats(); }
  const MemberCounters& counters() const { return *counters_; }
  PeerTransport::Stats peer_stats() const { return doors_.transport.stats(); }
  // What the files of its stores take; reads folders.
  uint64_t store_disk_bytes() const { return data_dir_->StoreBytes(); }
  // For checkers and tests.
  const kv::Store& store() const { return *store_; }
  const Replica& replica() const { return driver_->replica(); }

 private:
  Member(MemberOptions options, Doors doors);

  absl::Status Recover();
  absl::Status CheckMembership();
  absl::Status AskMembers();
  absl::Status OpenBackend(const std::string& folder);
  absl::Status StartStoreAnew(const absl::Status& damage);
  absl::Status CheckAlone(const storage::WalContents& contents, const absl::Status& opened) const;
  absl::Status BecomeAlone(storage::WalContents& contents, const absl::Status& opened);
  raft::EntryId applied() const;
  raft::ConfState InitialConfState() const;
  raft::ConfState RecordedConfState(const storage::WalContents& contents) const;
  bool IsAlone(const storage::WalContents& contents) const;
  raft::RestoredState RestoredFrom(const storage::WalContents& contents) const;
  void Assemble(const storage::WalContents& contents);
  Driver::Parts DriverParts(std::unique_ptr<Replica> replica);
  Driver::Options DriverOptions();
  Applier::Parts ApplierParts(const storage::WalContents& contents);

  SnapshotWorker::Doors SnapshotDoors();
  void FreezeFor(raft::MemberId peer);
  void SendPiece(raft::MemberId peer, raft::InstallSnapshot piece);
  std::shared_ptr<const kv::BackendReader> FrozenContent();
  absl::Status Install(ReceivedStore received);
  absl::Status InstallSnapshot(ReceivedStore received);
  absl::Status InstallEmpty(std::unique_ptr<kv::Backend> backend);
  void ContentReplaced();
  absl::Status UseBackend(std::unique_ptr<kv::Backend> backend);
  bool RemoveOldStores();

  StoreRepair::Doors RepairDoors();
  Integrity::Doors IntegrityDoors();
  void CheckContent(raft::Index index);
  AutoCompactor::Doors CompactorDoors();
  KvHashes::Doors HashDoors();
  HashKvDone Timed(base::Histogram<15>& times, HashKvDone done) const;
  void HashOnSnapshotThread();
  absl::Status ReopenStore();
  void GoBackTo(raft::Index index);
  void OnTick();
  bool short_of_room() const;
  AlarmProposer::Doors AlarmDoors();

  absl::Duration timeout() const;
  void ProposeUnchecked(RequestKind kind, const std::string& body, ProposeDone done,
                        const kv::auth::Caller& caller = kv::auth::Caller::Cluster());
  bool PublishAttributes();
  ClusterMember AboutItself() const;
  void OnMembersChanged();
  std::string MembersAnswer() const;
  void LookAfterMembers(Replica& replica);
  MemberFacts FactsFor(const MemberList& list, const raft::Status& status) const;
  void ChangeAsLeader(MemberChange change, absl::AnyInvocable<void(absl::Status)> done);
  absl::StatusOr<std::optional<raft::ConfState>> TargetOfChange(const MemberChange& change,
                                                                Replica& replica) const;
  void AnswerWithMembers(const absl::Status& status, MembersDone done);
  PeerSet PeersNow() const;
  raft::Payload LeaseRevocation(kv::LeaseId id);
  raft::Payload LeaseCheckpoints(const std::vector<kv::LeaseCheckpointRequest::Item>& items);
  void AnswerLease(LeaseQuestion question, LeaseAsker::OwnDone done);
  void AnswerLeaseOf(LeaseQuestion question, bool applied, LeaseAsker::OwnDone done);
  void AnswerLeaseNow(const LeaseQuestion& question, bool applied, LeaseAsker::OwnDone done);
  void PromiseOnceApplied(kv::LeaseId id, uint32_t checkpoint, raft::Term term,
                          const LeaseAnswer& answer, LeaseAsker::OwnDone done);
  void ConfirmedRead(bool applied, ReadDone done);
  void AskLeader(LeaseQuestion question, LeaseAsker::Done done);

  const MemberOptions options_;
  const Doors doors_;
  const std::shared_ptr<MemberCounters> counters_ = std::make_shared<MemberCounters>();
  SimpleTokens tokens_{options_.auth_token_ttl};
  std::unique_ptr<storage::DataDir> data_dir_;
  std::unique_ptr<storage::Wal> wal_;
  std::unique_ptr<kv::Store> store_;
  std::mutex stores_mutex_;
  // Set once the backend of the store, and of those before it, is closed.
  std::shared_ptr<std::atomic<bool>> store_closed_;
  std::vector<std::shared_ptr<std::atomic<bool>>> old_stores_closed_;
  std::unique_ptr<watch::Hub> hub_;
  std::unique_ptr<Cluster> cluster_;
  std::shared_ptr<const MemberList> told_;  // by ask_members; set in Open, or never
  std::unique_ptr<Lessor> lessor_;
  std::unique_ptr<Proposals> proposals_;
  std::unique_ptr<Quota> quota_;
  std::unique_ptr<AlarmProposer> alarms_;
  std::unique_ptr<ReadGate> reads_;
  std::unique_ptr<LeaseAsker> lease_asker_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<LogWriter> log_writer_;
  std::unique_ptr<ApplyWorker> apply_worker_;
  std::unique_ptr<SnapshotWorker> snapshot_worker_;
  std::unique_ptr<StoreRepair> repair_;
  std::unique_ptr<Integrity> integrity_;
  std::unique_ptr<ContentCheck> content_check_;
  std::unique_ptr<RoomWatch> room_;
  std::unique_ptr<KvHashes> kv_hashes_;
  std::unique_ptr<AutoCompactor> auto_compactor_;
  std::unique_ptr<Driver> driver_;
  uint64_t ticks_ = 0;                  // the driver's
  bool store_made_anew_ = false;        // at the start
  std::atomic<bool> log_whole_{false};  // it begins with the first entry
  std::atomic<bool> repair_queued_{false};
  std::atomic<bool> check_queued_{false};
  std::atomic<bool> look_queued_{false};
  std::atomic<bool> hash_queued_{false};
  std::atomic<uint64_t> next_request_id_{0};
  absl::Time publish_again_at_ = absl::InfinitePast();  // the driver's
  std::atomic<bool> is_learner_{false};
  std::atomic<bool> closed_{false};
  raft::Index ready_index_;  // applied that far: what was committed at the start is there
};

// What raft is given for these options; InvalidArgument with a sentence for the operator.
absl::StatusOr<raft::Config> RaftConfigOf(const MemberOptions& options);

}  // namespace pintle::server::replica

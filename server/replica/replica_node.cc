#include "server/replica/replica_node.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/etcd/rpc.pb.h"
#include "server/replica/clock.h"
#include "server/replica/errors.h"
#include "server/replica/proposal_codec.h"
#include "server/replica/replica_loop.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMostReaders = 100000;
constexpr absl::Duration kBaseTimeout = absl::Seconds(5);
// All of it may come in one write of the log, which takes twice as much.
constexpr size_t kMostUncommittedBytes = size_t{128} << 20;

// Ids count up from a random start: what an earlier run, or another member, has put into the log
// must never be taken for the answer to a request of this run.
uint64_t FirstRequestId() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

raft::Config RaftConfig(const ReplicaOptions& options) {
  raft::Config config;
  config.id = raft::MemberId(options.member_id);
  config.election_ticks = static_cast<uint32_t>(
      std::max<int64_t>(1, options.election_timeout_ms / options.heartbeat_interval_ms));
  config.heartbeat_ticks = 1;
  config.max_uncommitted_bytes = kMostUncommittedBytes;
  return config;
}

raft::ConfState Voters(const std::vector<ClusterMember>& members) {
  raft::ConfState conf;
  for (const auto& member : members) conf.voters.emplace_back(member.id);
  std::sort(conf.voters.begin(), conf.voters.end());
  return conf;
}

}  // namespace

struct ReplicaNode::Impl {
  explicit Impl(ReplicaOptions o) : options(std::move(o)) {}

  absl::Status Open();
  void Assemble(const storage::WalContents& contents);
  absl::Duration timeout() const {
    return kBaseTimeout + 2 * absl::Milliseconds(options.election_timeout_ms);
  }
  bool PublishAttributes(ReplicaNode& node);
  LeaseAnswer AnswerLease(const LeaseQuestion& question) const;

  ReplicaOptions options;
  std::unique_ptr<storage::FileSystem> files = storage::MakePosixFileSystem();
  std::unique_ptr<storage::DataDir> data_dir;
  std::unique_ptr<storage::Wal> wal;
  std::unique_ptr<kv::Backend> backend;
  std::unique_ptr<kv::Store> store;
  std::unique_ptr<watch::Hub> watch_hub;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Lessor> lessor;
  std::unique_ptr<Proposals> proposals;
  std::unique_ptr<ReadGate> reads;
  std::unique_ptr<Applier> applier;
  std::unique_ptr<PeerTransport> transport;
  SystemRandom random;
  std::unique_ptr<Replica> assembled;  // until the loop takes it
  std::unique_ptr<ReplicaLoop> loop;
  std::atomic<uint64_t> next_request_id{0};
  std::atomic<bool> publishing{false};
  std::atomic<bool> stopped{false};
  raft::Index ready_index;  // applied that far: what was committed at the start is there
};

absl::Status ReplicaNode::Impl::Open() {
  const storage::WalIdentity identity{options.cluster_id, options.member_id};
  PINTLE_ASSIGN_OR_RETURN(data_dir, storage::DataDir::Claim(*files, options.data_dir, identity));
  storage::WalContents contents;
  PINTLE_ASSIGN_OR_RETURN(
      wal, storage::Wal::Open(*files, data_dir->log_folder(), identity, options.wal, contents));
  if (!contents.dropped.empty()) spdlog::warn("the log had {}", contents.dropped);
  if (options.must_have_log && contents.entries.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--initial-cluster-state=existing, but ", options.data_dir,
                     " is empty: joining a running cluster is not built yet, and a member that "
                     "lost its data may not come back "
                     "empty. Give its data-dir, or --initial-cluster-state=new for a new cluster"));
  }
  PINTLE_ASSIGN_OR_RETURN(backend, options.open_backend(data_dir->store_folder()));
  PINTLE_ASSIGN_OR_RETURN(store, kv::Store::Open(*backend, options.store));
  if (store->sequence().value() > contents.entries.size()) {
    return absl::DataLossError(absl::StrCat(
        "the store in ", options.data_dir, " is ahead of its log (", store->sequence().value(),
        " > ", contents.entries.size(),
        "): the log was lost. Restore this member's data-dir, or the cluster from a backup; "
        "an empty data-dir would forget votes and acknowledged entries"));
  }
  Assemble(contents);
  return absl::OkStatus();
}

void ReplicaNode::Impl::Assemble(const storage::WalContents& contents) {
  watch_hub = watch::Hub::Create(options.hub, [this] { return store->view(); });
  cluster = std::make_unique<Cluster>(options.members, *backend);
  lessor = std::make_unique<Lessor>(store->view()->Leases(),
                                    absl::Milliseconds(options.election_timeout_ms));
  proposals = std::make_unique<Proposals>(options.max_pending_requests);
  reads = std::make_unique<ReadGate>(kMostReaders);
  applier = std::make_unique<Applier>(
      Applier::Parts{*store, *watch_hub, *cluster, *lessor, *proposals, *reads});
  transport = std::move(options.transport);

  const raft::Index applied(store->sequence().value());
  raft::RestoredState restored{contents.hard_state, Voters(options.members), applied};
  // The commit index is written with the next sync only: what was applied was committed.
  restored.hard_state.commit_index = std::max(restored.hard_state.commit_index, applied);
  ready_index = restored.hard_state.commit_index;
  auto log = std::make_unique<raft::MemoryLog>();
  log->Append(contents.entries);
  reads->Applied(applied);
  next_request_id = FirstRequestId();
  spdlog::info("recovered {} log entries, store at index {}, revision {}", contents.entries.size(),
               applied.value(), store->view()->revision());
  auto replica = std::make_unique<Replica>(RaftConfig(options), restored, std::move(log), random);
  assembled = std::move(replica);
}

bool ReplicaNode::Impl::PublishAttributes(ReplicaNode& node) {
  if (cluster->published(options.member_id, options.name, options.client_urls)) {
    spdlog::info("published local member to cluster through raft");
    return true;
  }
  if (publishing.exchange(true)) return false;
  node.Propose(RequestKind::kMemberAttributes,
               EncodeAttributes(options.member_id, options.name, options.client_urls),
               [this](const absl::StatusOr<Applied>&) { publishing = false; });
  return false;
}

LeaseAnswer ReplicaNode::Impl::AnswerLease(const LeaseQuestion& question) const {
  const ReplicaLoop::Facts facts = loop->facts();
  if (facts.soft_state.role != raft::Role::kLeader) return {};
  // Until our own no-op is applied a revocation of an older leader's may still come: no promises.
  if (applier->no_op_term() < facts.term) return {};
  const bool behind = loop->applied_index() < facts.commit_index;  // looked at before the lessor is
  const kv::LeaseId id(question.lease_id);
  LeaseAnswer answer{.is_leader = true};
  if (question.kind == LeaseQuestion::Kind::kKeepAlive) {
    answer.ttl_seconds = lessor->KeepAlive(id, SteadyNow());
  } else {
    const LeaseTime time = lessor->TimeToLive(id, SteadyNow());
    answer.ttl_seconds = time.ttl_seconds;
    answer.granted_ttl_seconds = time.granted_ttl_seconds;
  }
  // Unknown here while apply is behind is not the same as unknown.
  return behind && answer.ttl_seconds <= 0 ? LeaseAnswer{} : answer;
}

ReplicaNode::ReplicaNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ReplicaNode::~ReplicaNode() { Stop(); }

absl::StatusOr<std::unique_ptr<ReplicaNode>> ReplicaNode::Start(ReplicaOptions options) {
  if (absl::Status status = raft::Validate(RaftConfig(options)); !status.ok()) return status;
  std::unique_ptr<ReplicaNode> node(new ReplicaNode(std::make_unique<Impl>(std::move(options))));
  Impl& impl = *node->impl_;
  PINTLE_RETURN_IF_ERROR(impl.Open());
  ReplicaLoop::Options loop_options;
  loop_options.self = raft::MemberId(impl.options.member_id);
  loop_options.tick = std::chrono::milliseconds(impl.options.heartbeat_interval_ms);
  loop_options.applied_index = raft::Index(impl.store->sequence().value());
  loop_options.publish_attributes = [&impl, raw = node.get()] {
    return impl.PublishAttributes(*raw);
  };
  loop_options.lease_revocation = [&impl](kv::LeaseId id) {
    etcdserverpb::LeaseRevokeRequest request;
    request.set_id(id.value());
    return EncodeProposal(++impl.next_request_id, RequestKind::kLeaseRevoke,
                          request.SerializeAsString());
  };
  impl.loop = std::make_unique<ReplicaLoop>(
      ReplicaLoop::Parts{std::move(impl.assembled), *impl.wal, *impl.transport, *impl.applier,
                         *impl.lessor, *impl.proposals, *impl.reads},
      std::move(loop_options));
  PINTLE_RETURN_IF_ERROR(impl.transport->Start(
      {.on_message = [&impl](raft::Message message) { impl.loop->Receive(std::move(message)); },
       .on_unreachable = [&impl](raft::MemberId peer) { impl.loop->Unreachable(peer); },
       .on_lease_question =
           [&impl](const LeaseQuestion& question) { return impl.AnswerLease(question); }}));
  impl.loop->Start();
  return node;
}

void ReplicaNode::Stop() {
  if (impl_->stopped.exchange(true)) return;
  if (impl_->transport != nullptr) impl_->transport->Stop();
  if (impl_->loop != nullptr) impl_->loop->Stop();
  if (impl_->proposals == nullptr) return;
  for (auto& done : impl_->proposals->TakeAll()) done(ErrStopped());
  for (auto& done : impl_->reads->TakeAll()) done(ErrStopped());
}

void ReplicaNode::Propose(RequestKind kind, std::string body, ProposeDone done) {
  if (impl_->stopped) return done(ErrStopped());
  if (body.size() > impl_->options.max_request_bytes) return done(ErrRequestTooLarge());
  const uint64_t id = ++impl_->next_request_id;
  if (!impl_->proposals->Add(id, body.size(), SteadyNow() + impl_->timeout(), done))
    return done(ErrTooManyRequests());
  if (impl_->stopped) {  // between the check above and Add: Stop may have answered the others
                         // already
    if (auto late = impl_->proposals->Take(id)) (*late)(ErrStopped());
    return;
  }
  impl_->loop->Propose(id, EncodeProposal(id, kind, body));
}

void ReplicaNode::LinearizableRead(ReadDone done) {
  if (impl_->stopped) return done(ErrStopped());
  const ReadGate::AddResult added = impl_->reads->Add(SteadyNow() + impl_->timeout(), done);
  if (impl_->stopped && added != ReadGate::AddResult::kFull) {
    for (auto& late : impl_->reads->TakeAll()) late(ErrStopped());
    return;
  }
  switch (added) {
    case ReadGate::AddResult::kFirst:
      return impl_->loop->WakeForReads();
    case ReadGate::AddResult::kJoined:
      return;
    case ReadGate::AddResult::kFull:
      return done(ErrTooManyRequests());
  }
}

std::shared_ptr<const kv::ReadView> ReplicaNode::view() const { return impl_->store->view(); }

watch::Hub& ReplicaNode::hub() { return *impl_->watch_hub; }

MemberStatus ReplicaNode::status() const {
  const ReplicaLoop::Facts facts = impl_->loop->facts();
  MemberStatus status;
  status.cluster_id = impl_->options.cluster_id;
  status.member_id = impl_->options.member_id;
  status.leader_id = facts.soft_state.leader.value();
  status.raft_term = facts.term.value();
  status.committed_index = facts.commit_index.value();
  status.applied_index = impl_->loop->applied_index().value();
  status.is_leader = facts.soft_state.role == raft::Role::kLeader;
  status.ready = status.applied_index >= impl_->ready_index.value();
  status.db_size_in_use_bytes = impl_->store->size_bytes();
  status.db_size_bytes = status.db_size_in_use_bytes;
  status.leader_changes = facts.leader_changes;
  status.proposals_pending = static_cast<int64_t>(impl_->proposals->size());
  status.proposals_failed = facts.proposals_failed;
  return status;
}

std::vector<ClusterMember> ReplicaNode::members() const { return impl_->cluster->members(); }

void ReplicaNode::AskLeader(LeaseQuestion question,
                            absl::AnyInvocable<void(absl::StatusOr<LeaseAnswer>)> done) {
  if (impl_->stopped) return done(ErrStopped());
  const LeaseAnswer own = impl_->AnswerLease(question);
  if (own.is_leader) return done(own);
  const raft::MemberId leader = impl_->loop->facts().soft_state.leader;
  if (leader == raft::kNoMember) return done(ErrNoLeader());
  if (leader.value() == impl_->options.member_id) return done(ErrLeaderChanged());
  impl_->transport->AskLease(leader, question, impl_->timeout(),
                             [done = std::move(done)](absl::StatusOr<LeaseAnswer> answer) mutable {
                               if (!answer.ok()) return done(ErrTimeout());
                               if (!answer->is_leader) return done(ErrLeaderChanged());
                               done(answer);
                             });
}

void ReplicaNode::LeaseKeepAlive(kv::LeaseId id, KeepAliveDone done) {
  AskLeader({LeaseQuestion::Kind::kKeepAlive, id.value()},
            [done = std::move(done)](absl::StatusOr<LeaseAnswer> answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(answer->ttl_seconds);
            });
}

void ReplicaNode::LeaseTimeToLive(kv::LeaseId id, TimeToLiveDone done) {
  AskLeader({LeaseQuestion::Kind::kTimeToLive, id.value()},
            [done = std::move(done)](absl::StatusOr<LeaseAnswer> answer) mutable {
              if (!answer.ok()) return done(answer.status());
              done(LeaseTime{answer->ttl_seconds, answer->granted_ttl_seconds});
            });
}

int64_t ReplicaNode::min_lease_ttl_seconds() const {
  const int64_t ms = impl_->options.election_timeout_ms * 3 / 2;
  return (ms + 999) / 1000;
}

const storage::Wal::Stats& ReplicaNode::wal_stats() const { return impl_->wal->stats(); }

PeerTransport::Stats ReplicaNode::peer_stats() const { return impl_->transport->stats(); }

}  // namespace pintle::server::replica

// Member::Open: from the data-dir to a member that can be stepped.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/fault_point.h"
#include "base/status_macros.h"
#include "raft/membership.h"
#include "server/replica/member.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMostReaders = 100000;
// All of it may come in one write of the log, which takes twice as much.
constexpr size_t kMostUncommittedBytes = size_t{128} << 20;

// Who votes as of the log's base.
std::optional<raft::ConfState> BaseConf(const storage::WalContents& contents) {
  raft::ConfChange recorded;
  if (!contents.base_members) return std::nullopt;
  if (!raft::DecodeConfChange(*contents.base_members, recorded)) return std::nullopt;
  return std::move(recorded.conf_state);
}

}  // namespace

absl::StatusOr<raft::Config> RaftConfigOf(const MemberOptions& options) {
  raft::Config config;
  config.id = raft::MemberId(options.member_id);
  config.election_ticks = static_cast<uint32_t>(
      std::max<int64_t>(1, options.election_timeout_ms / options.heartbeat_interval_ms));
  config.heartbeat_ticks = 1;
  config.max_uncommitted_bytes = kMostUncommittedBytes;
  PINTLE_RETURN_IF_ERROR(raft::Validate(config));
  return config;
}

absl::StatusOr<std::unique_ptr<Member>> Member::Open(MemberOptions options, Doors doors) {
  PINTLE_RETURN_IF_ERROR(RaftConfigOf(options).status());
  std::unique_ptr<Member> member(new Member(std::move(options), doors));
  PINTLE_RETURN_IF_ERROR(member->Recover());
  Member& self = *member;
  doors.transport.SetPeers(self.PeersNow());
  PINTLE_RETURN_IF_ERROR(doors.transport.Start(
      {.data_dir = self.data_dir_->id(),
       .feature_level = self.options_.feature_level,
       .peer_urls = self.options_.peer_urls},
      {.on_message = [&self](raft::Message message) { self.driver_->Receive(std::move(message)); },
       .on_unreachable = [&self](raft::MemberId peer) { self.driver_->Unreachable(peer); },
       .on_gone = [&self](raft::MemberId peer) { self.driver_->LeaderGone(peer); },
       .on_question =
           [&self](const PeerQuestion& question, PeerTransport::Callbacks::Answer answer) {
             self.AnswerPeer(question, std::move(answer));
           },
       .on_members_question = [&self] { return self.MembersAnswer(); },
       .on_page = [&self](std::string_view path) { return self.options_.peer_page(self, path); },
       .on_refused = [&self](Refusal reason,
                             const std::string& text) { self.options_.must_stop(reason, text); }}));
  return member;
}

// The store before the log: what it holds the log need not have.
absl::Status Member::Recover() {
  const storage::DataDirId fresh{.high = doors_.random.Next(), .low = doors_.random.Next()};
  PINTLE_ASSIGN_OR_RETURN(
      data_dir_,
      storage::DataDir::Claim(doors_.files, options_.data_dir,
                              {options_.cluster_id, options_.member_id}, fresh, options_.wal_dir));
  absl::Status opened = OpenBackend(data_dir_->store_folder());
  if (!opened.ok() && !absl::IsDataLoss(opened)) return opened;
  storage::WalContents contents;
  storage::WalOptions wal = options_.wal;
  wal.witness_path = data_dir_->witness_path();
  PINTLE_ASSIGN_OR_RETURN(
      wal_, storage::Wal::Open(doors_.files, data_dir_->log_folder(), data_dir_->identity(),
                               std::move(wal), applied(), contents));
  for (const std::string& finding : contents.findings) spdlog::warn("log: {}", finding);
  if (IsAlone(contents)) {
    PINTLE_RETURN_IF_ERROR(CheckAlone(contents, opened));
  } else if (options_.force_new_cluster) {
    PINTLE_RETURN_IF_ERROR(BecomeAlone(contents, opened));
  }
  base::FaultPoint("member.log_opened");
  if (!opened.ok()) PINTLE_RETURN_IF_ERROR(StartStoreAnew(opened));
  base::FaultPoint("member.store_opened");
  Assemble(contents);
  return CheckMembership();
}

// Who votes is neither in its log nor in its flags: no leader has ever told it, or it ended before
// that was written, and its flags are not those that it began with any more.
absl::Status Member::AskMembers() {
  const bool known = !options_.members.empty() || cluster_->recorded() ||
                     !driver_->replica().conf_state().voters.empty();
  if (known || !options_.ask_members) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(MemberList list, options_.ask_members());
  told_ = std::make_shared<const MemberList>(std::move(list));
  return absl::OkStatus();
}

absl::Status Member::CheckMembership() {
  PINTLE_RETURN_IF_ERROR(AskMembers());
  const std::shared_ptr<const MemberList> list = told_ == nullptr ? cluster_->list() : told_;
  const ClusterMember* self = list->Find(options_.member_id);
  is_learner_ = self != nullptr && self->is_learner;
  if (list->WasRemoved(options_.member_id)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the member has been permanently removed from the cluster: the data-dir ",
        options_.data_dir, " is of no use any more. To join again, remove it and add the member"));
  }
  if (list->feature_level <= options_.feature_level) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the cluster uses feature level ", list->feature_level, ", this version knows up to ",
      options_.feature_level, " only: start a newer version"));
}

absl::Status Member::OpenBackend(const std::string& folder) {
  store_.reset();
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<kv::Backend> backend, options_.open_backend(folder));
  return UseBackend(std::move(backend));
}

// An empty store instead of the damaged one. The log fills it again, if it begins at 1; else a
// snapshot of the leader's does.
absl::Status Member::StartStoreAnew(const absl::Status& damage) {
  spdlog::warn("the store will be made anew: {}", damage.ToString());
  store_made_anew_ = true;
  PINTLE_ASSIGN_OR_RETURN(const std::string folder, data_dir_->NewStoreFolder());
  PINTLE_RETURN_IF_ERROR(OpenBackend(folder));
  base::FaultPoint("member.before_new_store_counts");
  PINTLE_RETURN_IF_ERROR(data_dir_->UseNewStore());
  base::FaultPoint("member.after_new_store_counts");
  return data_dir_->RemoveOldStores();
}

// By what is left of store and log.
bool Member::IsAlone(const storage::WalContents& contents) const {
  raft::ConfChange latest{.conf_state = RecordedConfState(contents)};
  for (const raft::Entry& entry : contents.entries) {
    raft::ConfChange change;
    if (entry.kind == raft::EntryKind::kConfChange && raft::DecodeConfChange(entry.bytes(), change))
      latest = std::move(change);
  }
  const raft::ConfState& conf = latest.conf_state;
  return conf.voters.size() == 1 && conf.voters.front().value() == options_.member_id &&
         !conf.joint();
}

// With others to ask, a member stays up whatever has happened to its disk: it votes as one that may
// have forgotten (the log's vote floor), and the leader sends what is missing. A single one has
// nobody to ask.
absl::Status Member::CheckAlone(const storage::WalContents& contents,
                                const absl::Status& opened) const {
  constexpr char kRestore[] =
      "Restore this member's data-dir, or the cluster from a backup; an empty data-dir would "
      "forget votes and acknowledged entries";
  if (contents.damaged) {
    return absl::DataLossError(absl::StrCat("the log of ", options_.data_dir, " is damaged: ",
                                            contents.findings.back(), ". ", kRestore));
  }
  if (store_ == nullptr && contents.base.index > raft::Index{0}) {
    return absl::DataLossError(absl::StrCat(
        "the store in ", options_.data_dir, " is damaged (", std::string(opened.message()),
        "), and its log begins only at entry ", contents.base.index.value() + 1, ". ", kRestore));
  }
  return absl::OkStatus();
}

raft::EntryId Member::applied() const {
  if (store_ == nullptr) return {};
  return {raft::Term(store_->term()), raft::Index(store_->sequence().value())};
}

raft::ConfState Member::InitialConfState() const {
  raft::ConfState conf;
  for (const auto& member : options_.members) conf.voters.emplace_back(member.id);
  std::sort(conf.voters.begin(), conf.voters.end());
  return conf;
}

// As of what is applied, or of the log's base where the store is lost.
raft::ConfState Member::RecordedConfState(const storage::WalContents& contents) const {
  if (applied().index < contents.base.index || store_ == nullptr) {
    if (std::optional<raft::ConfState> base = BaseConf(contents)) return *std::move(base);
  }
  raft::ConfChange recorded{.conf_state = InitialConfState()};
  if (store_ == nullptr) return recorded.conf_state;
  if (const auto bytes = store_->GetMeta(kConfStateMeta)) {
    if (!raft::DecodeConfChange(*bytes, recorded)) spdlog::error("the store's members are damaged");
  }
  return recorded.conf_state;
}

raft::RestoredState Member::RestoredFrom(const storage::WalContents& contents) const {
  const raft::EntryId position = applied();
  raft::RestoredState restored{.hard_state = contents.hard_state,
                               .conf_state = RecordedConfState(contents),
                               .applied_index = position.index,
                               .applied_term = position.term,
                               .base_conf = BaseConf(contents)};
  // The commit index is written with the next sync only: what was applied was committed.
  restored.hard_state.commit_index = std::max(restored.hard_state.commit_index, position.index);
  return restored;
}

void Member::Assemble(const storage::WalContents& contents) {
  hub_ = watch::Hub::Create(options_.hub, [this] { return store_->view(); });
  cluster_ = std::make_unique<Cluster>(options_.members, *store_);
  cluster_->OnChange([this] { OnMembersChanged(); });
  lessor_ = std::make_unique<Lessor>(
      store_->view()->Leases(),
      Lessor::Options{.election_timeout = absl::Milliseconds(options_.election_timeout_ms),
                      .checkpoint_interval = options_.lease_checkpoint_interval});
  proposals_ = std::make_unique<Proposals>(options_.max_pending_requests);
  quota_ = std::make_unique<Quota>(options_.quota_bytes, *store_);
  alarms_ = std::make_unique<AlarmProposer>(AlarmDoors());
  repair_ = std::make_unique<StoreRepair>(RepairDoors());
  integrity_ = std::make_unique<Integrity>(raft::MemberId(options_.member_id),
                                           options_.content_check_interval, IntegrityDoors());
  content_check_ = std::make_unique<ContentCheck>(ContentCheck::Doors{
      .done = [this](const Checkpoint& checkpoint) { integrity_->Reached(checkpoint); },
      .damaged = [this](const absl::Status& why) { repair_->Unsound(why); }});
  room_ = std::make_unique<RoomWatch>(
      doors_.files,
      [this] {
        return std::vector<std::string>{data_dir_->log_folder(), data_dir_->store_folder()};
      },
      options_.least_room_bytes);
  kv_hashes_ = std::make_unique<KvHashes>(HashDoors());
  auto_compactor_ = std::make_unique<AutoCompactor>(options_.auto_compaction, CompactorDoors());
  reads_ = std::make_unique<ReadGate>(kMostReaders);
  lease_asker_ = std::make_unique<LeaseAsker>(LeaseAsker::Parts{
      .self = raft::MemberId(options_.member_id),
      .own_answer = [this](const LeaseQuestion& question,
                           LeaseAsker::OwnDone done) { AnswerLease(question, std::move(done)); },
      .leader = [this] { return driver_->facts().soft_state.leader; },
      .transport = doors_.transport,
      .clock = doors_.clock,
      .patience = timeout(),
      .peer_patience = absl::Milliseconds(options_.election_timeout_ms)});
  const raft::RestoredState restored = RestoredFrom(contents);
  applier_ = std::make_unique<Applier>(ApplierParts(contents));

  ready_index_ = restored.hard_state.commit_index;
  auto log = std::make_unique<raft::MemoryLog>(contents.base);
  log->Append(contents.entries);
  reads_->Applied(restored.applied_index);
  spdlog::info("recovered {} log entries, store at index {}, revision {}", contents.entries.size(),
               restored.applied_index.value(), store_->view()->revision());

  log_writer_ = std::make_unique<LogWriter>(
      *wal_, [this](raft::ReadyNumber number) { driver_->Persisted(number); });
  log_whole_ = contents.base.index == raft::Index{};
  if (store_made_anew_) repair_->StartsEmpty(ready_index_);
  apply_worker_ =
      std::make_unique<ApplyWorker>(*applier_, restored.applied_index, [this](raft::Index index) {
        repair_->AppliedUpTo(index);
        driver_->AppliedUpTo(index);
      });
  apply_worker_->SetFailureHandler([this](const absl::Status& why) { repair_->WriteFailed(why); });
  apply_worker_->SetCheckHandler([this](raft::Index index) { CheckContent(index); });
  snapshot_worker_ = std::make_unique<SnapshotWorker>(SnapshotDoors(), doors_.random.Next());
  auto replica =
      std::make_unique<Replica>(*RaftConfigOf(options_), restored, std::move(log), doors_.random);
  driver_ = std::make_unique<Driver>(DriverParts(std::move(replica)), DriverOptions());
}

Driver::Parts Member::DriverParts(std::unique_ptr<Replica> replica) {
  return {
      .replica = std::move(replica),
      .transport = doors_.transport,
      .applier = *applier_,
      .lessor = *lessor_,
      .proposals = *proposals_,
      .reads = *reads_,
      .clock = doors_.clock,
      .random = doors_.random,
      .persist = [this](PersistJob job) { log_writer_->queue().Push(std::move(job)); },
      .apply = [this](ApplyJob job) { apply_worker_->queue().Push(std::move(job)); },
      .on_snapshot_message =
          [this](raft::Message message) { snapshot_worker_->queue().Push(std::move(message)); },
      .on_snapshot_need = [this](raft::MemberId peer) { FreezeFor(peer); },
      .durable_index =
          [this] {
            // Without a record of who belongs to the cluster there is no snapshot.
            return cluster_->recorded() ? raft::Index(store_->durable_sequence().value())
                                        : raft::Index{};
          },
      .drop_log_before =
          [this](raft::Index first_kept) {
            log_whole_ = false;
            log_writer_->DropBefore(first_kept);
          },
      .on_tick = [this] { OnTick(); },
      .counters = counters_,
      .on_soft_state =
          [this](const raft::SoftState& state) {
            if (state.role != raft::Role::kLeader)
              snapshot_worker_->queue().Push(SnapshotWorker::LostLeadership{});
          },
  };
}

Applier::Parts Member::ApplierParts(const storage::WalContents& contents) {
  // All that is in the log was asked for before the start, committed or not.
  const raft::Index last =
      contents.entries.empty() ? contents.base.index : contents.entries.back().id.index;
  return {
      .store = *store_,
      .hub = *hub_,
      .cluster = *cluster_,
      .lessor = *lessor_,
      .tokens = tokens_,
      .proposals = *proposals_,
      .reads = *reads_,
      .clock = doors_.clock,
      .propose_again = [this](uint64_t id,
                              raft::Payload payload) { driver_->Propose(id, std::move(payload)); },
      .feature_level = options_.feature_level,
      .counters = counters_,
      .tokens_after = std::max(last, applied().index),
      .on_alarm = [this](const kv::Alarm& alarm) { integrity_->Raised(alarm); },
      .on_checkpoint = [this](const Checkpoint& checkpoint) { integrity_->Reached(checkpoint); },
      .on_compaction = [this](const kv::ReadView& view,
                              kv::KvHash::Span span) { kv_hashes_->Compacted(view, span); },
      .on_compacted = options_.on_compacted};
}

Driver::Options Member::DriverOptions() {
  return {.self = raft::MemberId(options_.member_id),
          .request_timeout = timeout(),
          .election_timeout = absl::Milliseconds(options_.election_timeout_ms),
          .heartbeat_interval = absl::Milliseconds(options_.heartbeat_interval_ms),
          .retention = options_.retention,
          .look_after_members = [this](Replica& replica) { LookAfterMembers(replica); },
          .ask_about_leases = [this] { lease_asker_->Retry(); },
          .publish_attributes = [this] { return PublishAttributes(); },
          .lease_revocation = [this](kv::LeaseId id) { return LeaseRevocation(id); },
          .lease_checkpoints = [this](const auto& items) { return LeaseCheckpoints(items); }};
}

}  // namespace pintle::server::replica

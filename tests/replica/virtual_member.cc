#include "tests/replica/virtual_member.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace pintle::server::replica {

namespace {

void SyncMark(storage::FileSystem& disk, const std::string& folder) {
  const std::string path = folder + "/mark";
  if (disk.Exists(path)) return;
  PINTLE_CHECK(disk.MakeFolder(folder).ok(), "no folder for a store");
  auto mark = disk.OpenForWrite(path);
  PINTLE_CHECK(mark.ok() && (*mark)->Sync().ok(), "no mark for a store");
  PINTLE_CHECK(disk.SyncFolder(folder).ok(), "no mark for a store");
  PINTLE_CHECK(disk.SyncFolder(folder.substr(0, folder.rfind('/'))).ok(), "no store");
}

}  // namespace

FlushedBackend::FlushedBackend(storage::FileSystem& disk, std::string folder,
                               std::unique_ptr<kv::MemoryBackend>& flushed,
                               std::set<FlushedBackend*>& open, const bool& room)
    : disk_(disk), folder_(std::move(folder)), flushed_(flushed), open_(open), room_(room) {
  open_.insert(this);
  if (flushed_ == nullptr || !disk_.Exists(folder_ + "/mark")) {
    flushed_ = std::make_unique<kv::MemoryBackend>();
  }
  now_ = flushed_->Clone();
}

absl::Status FlushedBackend::Apply(const kv::BackendBatch& batch) {
  if (!room_) return absl::ResourceExhaustedError("no space left");
  return now_->Apply(batch);
}

absl::Status FlushedBackend::Flush() {
  if (!room_) return absl::OkStatus();  // like LevelDB's own, in the background
  SyncMark(disk_, folder_);
  flushed_ = now_->Clone();
  durable_ = now_->durable_sequence();
  return absl::OkStatus();
}

VirtualMember::VirtualMember(raft::MemberId id, std::vector<raft::MemberId> voters, uint64_t seed,
                             LogRetention retention)
    : id_(id), voters_(std::move(voters)), retention_(retention), random_(seed) {
  PINTLE_CHECK(disk_.MakeFolder("/disk").ok(), "the disk is empty");
}

MemberOptions VirtualMember::Options() {
  MemberOptions options;
  options.cluster_id = 1;
  options.member_id = id_.value();
  for (const raft::MemberId voter : voters_) options.members.push_back({.id = voter.value()});
  options.name = absl::StrCat("member-", id_.value());
  options.data_dir = "/disk/data";
  options.wal = {.first_segment_bytes = 4096, .largest_segment_bytes = 8192, .sector_bytes = 512};
  options.retention = retention_;
  options.force_new_cluster = force_alone_;
  options.content_check_interval = absl::Seconds(20);  // of a clock that mostly stands still
  options.open_backend = [this](const std::string& folder) {
    return absl::StatusOr<std::unique_ptr<kv::Backend>>(
        std::make_unique<FlushedBackend>(disk_, folder, flushed_[folder], open_, room_));
  };
  return options;
}

void VirtualMember::Start() {
  const absl::Status started = TryStart();
  PINTLE_CHECK(started.ok(), started.ToString());
}

absl::Status VirtualMember::TryStart() {
  auto member = Member::Open(
      Options(), {.files = disk_, .clock = clock_, .random = random_, .transport = outbox_});
  if (!member.ok()) return member.status();
  member_ = *std::move(member);
  Turn();
  return absl::OkStatus();
}

void VirtualMember::Crash() {
  crashing_ = true;
  member_.reset();
  crashing_ = false;
  outbox_.TakeAll();
  disk_.Crash();
}

void VirtualMember::Turn() {
  member_->driver().TakeEvents();
  member_->driver().DispatchAll();
}

void VirtualMember::Tick() {
  member_->driver().TakeEvents();
  member_->driver().Tick();
  Turn();
}

void VirtualMember::Receive(const raft::Message& message) {
  member_->driver().Receive(message);
  Turn();
}

void VirtualMember::Propose(RequestKind kind, std::string body, LocalMember::ProposeDone done) {
  member_->Propose(kind, std::move(body),
                   [this, done = std::move(done)](absl::StatusOr<Applied> applied) mutable {
                     if (!crashing_) done(std::move(applied));
                   });
  Turn();
}

void VirtualMember::ProposeRaw(raft::Payload payload) {
  member_->driver().Post([payload = std::move(payload)](Replica& replica) {
    PINTLE_CHECK(replica.Propose(payload).outcome == raft::ProposeOutcome::kAppended, "a leader");
  });
  Turn();
}

void VirtualMember::Read(LocalMember::ReadDone done) {
  member_->LinearizableRead([this, done = std::move(done)](
                                absl::StatusOr<std::shared_ptr<const kv::ReadView>> view) mutable {
    if (!crashing_) done(std::move(view));
  });
  Turn();
}

void VirtualMember::SeeEndOf(raft::MemberId peer) {
  member_->driver().LeaderGone(peer);
  Turn();
}

void VirtualMember::HandOver() {
  member_->driver().TransferLeadership(raft::kNoMember, [](raft::TransferOutcome) {});
  Turn();
}

void VirtualMember::KeepAlive(kv::LeaseId id, LocalMember::KeepAliveDone done) {
  member_->LeaseKeepAlive(id, [this, done = std::move(done)](absl::StatusOr<int64_t> ttl) mutable {
    if (!crashing_) done(std::move(ttl));
  });
  Turn();
}

void VirtualMember::TimeToLive(kv::LeaseId id, LocalMember::TimeToLiveDone done) {
  member_->LeaseTimeToLive(
      id, [this, done = std::move(done)](absl::StatusOr<LocalMember::LeaseTime> time) mutable {
        if (!crashing_) done(std::move(time));
      });
  Turn();
}

void VirtualMember::Change(MemberChange change, LocalMember::MembersDone done) {
  member_->ChangeMembers(
      std::move(change),
      [this, done = std::move(done)](absl::StatusOr<std::vector<ClusterMember>> members) mutable {
        if (!crashing_) done(std::move(members));
      });
  Turn();
}

void VirtualMember::HearReport(const std::string& body) {
  member_->AnswerPeer({PeerTopic::kReport, body}, [](const std::string&) {});
}

void VirtualMember::DamageStore() {
  for (FlushedBackend* const backend : open_) backend->Damage();
}

void VirtualMember::FlushStore() {
  for (FlushedBackend* const backend : open_)
    PINTLE_CHECK(backend->Flush().ok(), "a store in memory fails");
}

void VirtualMember::RewriteStore(const std::function<void(kv::MemoryBackend&)>& rewrite) {
  for (FlushedBackend* const backend : open_) rewrite(backend->content());
  for (auto& [folder, flushed] : flushed_) rewrite(*flushed);
}

bool VirtualMember::WriteLog() {
  if (!member_->log_writer().Step() || member_->log_writer().waits_for_room()) return false;
  Turn();
  return true;
}

bool VirtualMember::ApplyBatch() {
  const bool something = !member_->apply_worker().queue().empty();
  while (member_->apply_worker().Step()) {
  }
  if (something && random_.OneIn(8)) FlushStore();
  Turn();
  return something;
}

bool VirtualMember::MoveSnapshots() {
  const bool something = member_->snapshots().Step();
  Turn();
  return something;
}

}  // namespace pintle::server::replica

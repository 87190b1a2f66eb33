#include "tests/sim/sim_member.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "server/replica/member_list.h"
#include "server/storage/leveldb_backend.h"

namespace pintle::sim {
namespace {

using server::replica::Member;
using server::replica::MemberOptions;
using server::replica::Refusal;

constexpr absl::Duration kTick = absl::Milliseconds(100);
constexpr absl::Duration kHandOver = absl::Microseconds(5);  // from one thread to another
constexpr char kDataDir[] = "/disk/data";

double RateOf(SimRandom& random, double drift) {
  return 1 + drift * (static_cast<double>(random.Below(2001)) / 1000 - 1);
}

}  // namespace

std::string UrlOf(SimMember::Place place) { return absl::StrCat("http://m", place, ":2380"); }

SimMember*& RunningMember() {
  static SimMember* running = nullptr;
  return running;
}

history::Pair SimMember::Told(const kv::EncodedKeyValue& encoded) const {
  kv::KeyValueView view;
  PINTLE_CHECK(kv::ParseKeyValue(*encoded, view), "a pair that is none");
  return {changed_values_.Right(std::string(view.value)), view.mod_revision, view.create_revision,
          view.version};
}

Revisions SimMember::Told(const watch::Batch& batch) const {
  Revisions revisions;
  for (const watch::Delivered& delivered : batch.events) {
    const kv::Event& event = *delivered.event;
    kv::KeyValueView pair;
    PINTLE_CHECK(kv::ParseKeyValue(*event.kv, pair), "an event without a pair");
    if (revisions.list.empty() || revisions.list.back().revision != event.revision.main) {
      revisions.list.push_back({event.revision.main, {}});
    }
    history::Change change{.key = std::string(pair.key)};
    change.deleted = event.type == kv::EventType::kDelete;
    if (!change.deleted) {
      change.value = changed_values_.Right(std::string(pair.value));
      change.create_revision = pair.create_revision;
      change.version = pair.version;
    }
    revisions.list.back().changes.push_back(std::move(change));
  }
  return revisions;
}

SimMember::SimMember(Place place, const Settings& settings, EventQueue& events,
                     VirtualNetwork& network, Hooks hooks, Start start)
    : place_(place),
      settings_(settings),
      events_(events),
      network_(network),
      hooks_(std::move(hooks)),
      start_(std::move(start)),
      random_(settings.seed * 1000 + place + 1),
      disk_(random_.Next()),
      changed_values_(place),
      clock_(events, absl::Hours(static_cast<int64_t>(random_.Below(1000))),
             RateOf(random_, settings.clock_drift)),
      rate_(RateOf(random_, settings.clock_drift)) {
  PINTLE_CHECK(disk_.MakeFolder("/disk").ok(), "the disk is empty");
  if (settings_.damages()) disk_.RememberWrites();
}

SimMember::~SimMember() {
  if (member_ != nullptr) Kill(/*power=*/false);
}

MemberOptions SimMember::Options() {
  MemberOptions options;
  options.cluster_id = 1;
  options.member_id = place_ + 1;
  for (size_t i = 0; i < settings_.members && !start_.joins; ++i) {
    options.members.push_back({.id = i + 1, .peer_urls = {UrlOf(i)}});
  }
  if (start_.joins) {
    options.ask_members = [this]() -> absl::StatusOr<server::replica::MemberList> {
      const server::replica::JoinAnswers answers = AskMembers();
      if (answers.newest() == nullptr) return absl::UnavailableError("nobody says who is there");
      return answers.newest()->list;
    };
  }
  options.peer_urls = {start_.url};
  options.name = absl::StrCat("m", place_);
  // Some begin with an older version, and are updated when they start again.
  const bool older = !start_.joins && incarnation_ == 1 && (settings_.seed >> place_ & 1) == 1;
  options.feature_level = older ? 0 : server::replica::kFeatureLevel;
  options.must_stop = [this](Refusal refusal, const std::string&) { MustStop(refusal); };
  options.data_dir = kDataDir;
  options.lease_checkpoint_interval = absl::Seconds(1);  // shorter than every lease lives
  options.wal.first_segment_bytes = settings_.first_segment_bytes;
  options.wal.sector_bytes = 512;  // as the virtual disk tears them
  options.wal.largest_segment_bytes = settings_.largest_segment_bytes;
  options.wal.prepare_inline = true;
  options.retention = settings_.retention;
  options.content_check_interval = settings_.content_check_interval;
  options.store = {.value_cache_bytes = settings_.value_cache_bytes,
                   .compaction_slice = settings_.compaction_slice};
  options.hub = {.window_bytes = settings_.watch_window_bytes};
  options.open_backend =
      [this](const std::string& folder) -> absl::StatusOr<std::unique_ptr<kv::Backend>> {
    auto backend =
        server::storage::LeveldbBackend::Open({.directory = folder,
                                               .files = &disk_,
                                               .write_buffer_bytes = settings_.write_buffer_bytes,
                                               .block_cache_bytes = 65536,
                                               .flush_on_close = false,
                                               .wait_for_background = true});
    if (!backend.ok()) return backend.status();
    if (settings_.change_value_every == absl::InfiniteDuration()) return *std::move(backend);
    return changed_values_.Wrap(*std::move(backend));
  };
  return options;
}

template <typename Step>
void SimMember::Run(Step step) {
  SimMember* const before = std::exchange(RunningMember(), this);
  step();
  RunningMember() = before;
  if (frozen_ && member_ != nullptr && before != this) Kill(/*power=*/true);
}

// Not in the middle of its own step.
void SimMember::MustStop(Refusal refusal) {
  if (frozen_) return;
  events_.After(absl::ZeroDuration(), [this, refusal, incarnation = incarnation_] {
    if (incarnation != incarnation_ || !up()) return;
    Kill(/*power=*/false);
    hooks_.refused(*this, refusal);
  });
}

bool SimMember::has_data() {
  const std::string identity = absl::StrCat(kDataDir, "/member/identity");
  return disk_.Exists(identity) || disk_.Exists(identity + ".copy");
}

server::replica::JoinAnswers SimMember::AskMembers() {
  server::replica::JoinAnswers answers;
  for (const std::string& url : hooks_.urls()) {
    server::replica::JoinFacts facts;
    if (DecodeJoinFacts(network_.AskMembers(place_, url), facts)) answers.Add(std::move(facts));
  }
  return answers;
}

// A used data-dir says it; else the members that are asked do. A refusal may still be that of
// another member, which had this URL before: whoever is not wiped asks again later.
bool SimMember::KnowsWhoItIs() {
  if (!start_.joins || has_data()) return true;
  const absl::StatusOr<uint64_t> self = AskMembers().JoinAs({start_.url});
  if (self.ok()) return *self == id().value();
  if (!absl::IsFailedPrecondition(self.status())) return false;
  hooks_.event(*this, std::string(self.status().message()));
  if (wiped_) hooks_.refused(*this, Refusal::kOtherDataDir);
  return false;
}

void SimMember::Wipe() {
  if (member_ != nullptr) Kill(/*power=*/true);
  PINTLE_CHECK(disk_.RemoveFolder(kDataDir).ok(), "a folder that cannot be removed");
  wiped_ = true;
}

void SimMember::DropStore() {
  if (member_ != nullptr) Kill(/*power=*/false);
  const std::string folder = absl::StrCat(kDataDir, "/member");
  for (const std::string& name : disk_.List(folder).value_or(std::vector<std::string>())) {
    if (!name.starts_with("store-")) continue;
    PINTLE_CHECK(disk_.RemoveFolder(absl::StrCat(folder, "/", name)).ok(), "it was there");
  }
}

void SimMember::LookForChangedValues() {
  if (changed_values_.any()) changed_values_.LookAt(*member_->store().NewSnapshot());
}

void SimMember::Boot() {
  if (member_ != nullptr) Kill(/*power=*/true);  // it froze outside of a step
  if (!KnowsWhoItIs()) return;
  ++incarnation_;
  frozen_ = false;
  write_planned_ = apply_planned_ = snapshots_planned_ = turn_planned_ = due_planned_ = false;
  paused_until_ = stalled_until_ = absl::ZeroDuration();
  Run([this] {
    transport_ = network_.MakeTransport(place_);
    auto member = Member::Open(
        Options(), {.files = disk_, .clock = clock_, .random = random_, .transport = *transport_});
    if (frozen_) {  // crashed while it started
      if (member.ok()) member_ = *std::move(member);
      return;
    }
    // The disk failed or is full, or nobody answers: the process ends, and tries again.
    if (absl::IsInternal(member.status()) || absl::IsResourceExhausted(member.status()) ||
        absl::IsUnavailable(member.status())) {
      Freeze(std::string(member.status().message()));
      return;
    }
    if (absl::IsFailedPrecondition(member.status())) {  // it finds that it has been removed
      hooks_.event(*this, std::string(member.status().message()));
      events_.After(absl::ZeroDuration(), [this] { hooks_.refused(*this, Refusal::kRemoved); });
      return;
    }
    if (!member.ok()) {
      hooks_.broken(absl::StrCat("member ", place_,
                                 " does not start: ", std::string(member.status().message())));
      return;
    }
    member_ = *std::move(member);
    hooks_.event(*this, absl::StrCat("starts at revision ", member_->view()->revision()));
    hooks_.booted(*this);
    member_->log_writer().SetObserver([this](const server::replica::PersistJob& write) {
      if (!frozen_) hooks_.written(*this, write);
    });
    member_->apply_worker().SetObserver([this](const std::vector<raft::Entry>& entries) {
      if (!frozen_) hooks_.applying(*this, entries);
    });
    member_->apply_worker().SetRestoreObserver([this](const raft::SnapshotMeta& meta) {
      if (!frozen_) hooks_.restored(*this, meta);
    });
    member_->apply_worker().SetRewindObserver([this](raft::Index index) {
      if (!frozen_) hooks_.rewound(*this, index);
    });
    LookForChangedValues();
    SubscribeToTruth();
    PullTruth();
    Turn();
  });
  if (member_ == nullptr) {
    if (frozen_) Kill(/*power=*/true);
    return;
  }
  TickLater();
}

bool SimMember::whole() const {
  if (wiped_) return false;
  if (!up()) return was_whole_;
  const server::replica::Replica& replica = member_->replica();
  return replica.vote_floor() == raft::EntryId{} && !replica.store_behind_log() &&
         member_->store_usable();
}

server::storage::WalContents SimMember::LogOnDisk() {
  server::storage::WalReader reader({}, /*check_identity=*/false, /*visitor=*/nullptr);
  const std::string folder = absl::StrCat(kDataDir, "/member/log");
  std::map<uint64_t, std::string> segments;
  for (const std::string& name : disk_.List(folder).value_or(std::vector<std::string>())) {
    uint64_t number = 0;
    if (name.ends_with(".wal") && absl::SimpleHexAtoi(name.substr(0, name.size() - 4), &number))
      segments[number] = absl::StrCat(folder, "/", name);
  }
  for (const auto& [number, path] : segments) {
    const bool last = number == segments.rbegin()->first;
    const std::string bytes = disk_.ReadWhatCanBeRead(path);
    PINTLE_CHECK(reader.Read(number, path, bytes, last).ok(), "a log of another format");
  }
  return reader.Finish({raft::Term(1), raft::Index(durable_.value())}, std::nullopt);
}

void SimMember::NoteState() {
  if (!up()) return;
  was_whole_ = whole();
  durable_ = member_->store().durable_sequence();
}

void SimMember::Kill(bool power) {
  NoteState();
  changed_values_.ChangeNext(false);
  frozen_ = true;
  network_.Freeze(place_);
  if (power) disk_.Freeze();
  truth_.reset();
  member_.reset();
  transport_.reset();
  if (power) disk_.Reboot();
}

void SimMember::Freeze(const std::string& why) {
  if (frozen_) return;
  hooks_.event(*this, absl::StrCat("dies: ", why));
  NoteState();
  frozen_ = true;
  network_.Freeze(place_);
  disk_.Freeze();
}

void SimMember::Pause(absl::Duration how_long) { paused_until_ = events_.now() + how_long; }
void SimMember::StallDisk(absl::Duration how_long) { stalled_until_ = events_.now() + how_long; }

void SimMember::Later(absl::Duration delay, std::function<void()> action) {
  events_.After(delay, [this, incarnation = incarnation_, action = std::move(action)] {
    if (incarnation != incarnation_ || !up()) return;
    if (paused_until_ > events_.now()) {
      Later(paused_until_ - events_.now(), action);
      return;
    }
    Run(action);
  });
}

void SimMember::Wake() {
  if (std::exchange(turn_planned_, true)) return;
  Later(kHandOver, [this] {
    turn_planned_ = false;
    Turn();
  });
}

void SimMember::WakeWhenDue() {
  const std::optional<absl::Time> due = member_->driver().deadline();
  if (!due || std::exchange(due_planned_, true)) return;
  Later(std::max(*due - clock_.Now(), absl::ZeroDuration()) + kHandOver, [this] {
    due_planned_ = false;
    Turn();
  });
}

void SimMember::TransferLeadership() {
  member_->driver().TransferLeadership(raft::kNoMember, [](raft::TransferOutcome) {});
  Wake();
}

void SimMember::TickLater() {
  Later(kTick * rate_, [this] {
    TickLater();
    if (start_.joins && member_->members().empty()) network_.GreetPeers(place_);
    member_->driver().TakeEvents();
    member_->driver().Tick();
    Turn();
  });
}

void SimMember::Turn() {
  member_->driver().TakeEvents();
  member_->driver().DispatchAll();
  if (!frozen_) LookForChangedValues();
  if (!frozen_) hooks_.turned(*this);
  if (!member_->log_writer().queue().empty()) WriteLater();
  if (!member_->apply_worker().queue().empty()) ApplyLater();
  WakeWhenDue();
  if (!member_->snapshots().queue().empty()) MoveSnapshotsLater();
}

void SimMember::MoveSnapshotsLater() {
  if (std::exchange(snapshots_planned_, true)) return;
  Later(random_.Latency(settings_.usual_apply), [this] {
    snapshots_planned_ = false;
    member_->snapshots().Step();
    Turn();
  });
}

void SimMember::WriteLater() {
  if (std::exchange(write_planned_, true)) return;
  const absl::Duration stall = std::max(stalled_until_ - events_.now(), absl::ZeroDuration());
  Later(stall + random_.Latency(settings_.usual_sync), [this] { DoWrite(); });
}

void SimMember::DoWrite() {
  write_planned_ = false;
  member_->log_writer().Step();
  if (member_->log_writer().waits_for_room()) {
    write_planned_ = true;
    Later(absl::Milliseconds(500), [this] { DoWrite(); });
  }
  Turn();
}

void SimMember::ApplyLater() {
  if (std::exchange(apply_planned_, true)) return;
  Later(random_.Latency(settings_.usual_apply), [this] { DoApply(); });
}

void SimMember::DoApply() {
  apply_planned_ = false;
  const bool more = member_->apply_worker().Step();
  PullTruth();
  if (more) ApplyLater();
  Turn();
}

// From the first revision that is still there: what the disk holds must be the truth, too.
void SimMember::SubscribeToTruth() {
  truth_source_ = absl::StrCat("member ", place_, " since boot ", incarnation_, ", subscription ",
                               ++truth_subscriptions_);
  int64_t revision = 0;
  truth_ = member_->hub().Subscribe(
      {.range = AllKeys(),
       .start_revision = std::max<int64_t>(member_->view()->compact_revision(), 1) + 1},
      [] {}, revision);
}

void SimMember::PullTruth() {
  for (;;) {
    const watch::Batch batch = truth_->Next(size_t{1} << 20);
    if (frozen_) return;
    if (!batch.error.ok()) {  // a store that cannot be read is made anew, and told from there on
      if (!Excuses(batch.error)) hooks_.broken(std::string(batch.error.message()));
      SubscribeToTruth();
      return;
    }
    if (batch.compacted) {  // by the very batch that brought the events
      SubscribeToTruth();
      continue;
    }
    for (const Revisions::One& one : Told(batch).list) {
      hooks_.learned(truth_source_, one.revision, one.changes);
    }
    if (!batch.more) return;
  }
}

}  // namespace pintle::sim

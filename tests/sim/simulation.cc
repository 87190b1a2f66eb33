#include "tests/sim/simulation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/fault_point.h"
#include "server/storage/fatal.h"

namespace pintle::sim {
namespace {

// Whoever is down comes back after a while, as under a supervisor.
constexpr absl::Duration kSupervisorTurn = absl::Milliseconds(200);

}  // namespace

Simulation* Simulation::current_ = nullptr;

Simulation::Simulation(const Settings& settings, Plan plan)
    : settings_(settings),
      plan_(std::move(plan)),
      random_(settings.seed),
      network_(events_, settings.seed ^ 0x4e7),
      raft_checks_(settings.members),
      atlas_(settings_, members_, AtlasDoors()),
      auditor_(
          settings_, events_, members_,
          [this](const SimMember& member, const std::string& kind) { NoteFault(member, kind); }) {
  current_ = this;
  base::SetFaultListener([](const char* name) { current_->OnFaultPoint(name); });
  server::storage::SetFatalListener([](std::string_view text) {
    if (SimMember* member = RunningMember()) member->Freeze(std::string(text));
  });
  network_.SetFaults(settings_.network);
  network_.on_sent = [this](const raft::Message& message) {
    // One that lost its data speaks for somebody else, and to nobody.
    if (!machines_[message.from.value() - 1]->wiped()) Check(raft_checks_.Sent(message));
    Mix(message.from.value() * 31 + message.to.value());
    Mix(message.body.index());
  };
  network_.on_arrived = [this](VirtualNetwork::Place place) { machines_[place]->Wake(); };
  network_.run_at = [this](VirtualNetwork::Place place, std::function<void()> action) {
    machines_[place]->Do(std::move(action));
  };
  network_.on_greeted = [this](VirtualNetwork::Place from, VirtualNetwork::Place to) {
    operator_->Greeted(*machines_[from], *machines_[to]);
  };
  network_.on_broken = [this](const std::string& what) { Check(absl::InternalError(what)); };
  const auto check = [this](const absl::Status& status) { Check(status); };
  watchers_ = std::make_unique<Watchers>(settings_, events_, members_, history_, check);
  clients_ = std::make_unique<Clients>(settings_, events_, members_, history_, *watchers_, check);
  lease_users_ = std::make_unique<LeaseUsers>(settings_, events_, members_, check);
  operator_ = std::make_unique<Operator>(settings_, events_, members_, OperatorDoors());
}

Simulation::~Simulation() {
  machines_.clear();  // first: who still waits is answered
  base::SetFaultListener(nullptr);
  server::storage::SetFatalListener(nullptr);
  current_ = nullptr;
}

void Simulation::Tell(const std::string& what) {
  if (!plan_.tell) return;
  plan_.tell(absl::StrFormat("%12s  %s", absl::FormatDuration(events_.now()), what));
}

void Simulation::Check(const absl::Status& status) {
  if (status.ok() || !outcome_.violation.ok()) return;
  outcome_.violation = status;
  Tell(absl::StrCat("VIOLATION: ", std::string(status.message())));
}

void Simulation::OnFaultPoint(const char* name) {
  const uint64_t passed = ++outcome_.fault_points[name];
  SimMember* const member = RunningMember();
  if (member == nullptr) return;
  const auto planned = plan_.crash_at.find(name);
  const bool chosen = planned != plan_.crash_at.end() && planned->second == passed;
  if (!chosen && !faults_on_) return;
  if (!chosen && !random_.Chance(settings_.crash_at_fault_point)) return;
  ++outcome_.faults["crash-at-point"];
  ++outcome_.crashes_at[name];
  member->Freeze(absl::StrCat("at fault point ", name));
}

void Simulation::NoteFault(const SimMember& member, const std::string& kind) {
  ++outcome_.faults[kind];
  Tell(absl::StrCat("member ", member.place(), ": ", kind));
}

FaultAtlas::Doors Simulation::AtlasDoors() {
  return {
      .tell = [this](const SimMember& member, const std::string& kind) { NoteFault(member, kind); },
      .promised = [this](const SimMember& member) { return raft_checks_.Promised(member); },
      .confs = [this] { return raft_checks_.Confs(); },
      .was_alone = [this](const SimMember& member) { return raft_checks_.WasAlone(member); }};
}

Operator::Doors Simulation::OperatorDoors() {
  return {.new_machine = [this](SimMember::Start start) -> SimMember& {
            return NewMachine(std::move(start));
          },
          .start =
              [this](SimMember& member) {
                members_.push_back(&member);
                member.Boot();
              },
          .retire = [this](SimMember& member) { Retire(member); },
          .may_lose = [this](const SimMember& member) { return atlas_.MayLoseForGood(member); },
          .votes = [this](const SimMember& member) { return raft_checks_.Votes(member); },
          .tell =
              [this](const std::string& kind, const std::string& what) {
                if (!kind.empty()) ++outcome_.faults[kind];
                Tell(absl::StrCat("operator: ", kind, " ", what));
              },
          .check = [this](const absl::Status& status) { Check(status); }};
}

SimMember::Hooks Simulation::MemberHooks() {
  return {
      .learned =
          [this](const std::string& source, int64_t revision,
                 const std::vector<history::Change>& changes) {
            const bool is_new = revision > history_.last_revision();
            Check(history_.Learn(source, revision, changes));
            if (is_new) lease_users_->Learned(revision, changes);
          },
      .booted =
          [this](SimMember& member) {
            atlas_.Booted(member);
            if (!member.wiped()) Check(raft_checks_.Booted(member));
          },
      .written =
          [this](SimMember& member, const server::replica::PersistJob& write) {
            if (!member.wiped()) Check(raft_checks_.Written(member, write));
          },
      .applying =
          [this](SimMember& member, const std::vector<raft::Entry>& entries) {
            if (!member.wiped()) Check(raft_checks_.Applying(member, entries));
          },
      .restored =
          [this](SimMember& member, const raft::SnapshotMeta& meta) {
            ++outcome_.faults["snapshot-installed"];
            Check(raft_checks_.Restored(member, meta));
          },
      .rewound =
          [this](SimMember& member, raft::Index index) {
            ++outcome_.faults["store-went-back"];
            if (member.changed_values().any() && index == raft::Index{})
              NoteFault(member, "store-with-changed-value-made-anew");
            raft_checks_.Rewound(member, index);
          },
      .turned =
          [this](SimMember& member) {
            if (member.wiped()) return;
            Check(raft_checks_.Turned(member));
            CheckHash(member);
            const server::replica::Driver::Facts facts = member.member().driver().facts();
            Mix(member.place() * 1000003 + facts.term.value());
            Mix(facts.commit_index.value());
          },
      .event =
          [this](SimMember& member, const std::string& what) {
            Tell(absl::StrCat("member ", member.place(), " ", what));
          },
      .broken = [this](const std::string& what) { Check(absl::InternalError(what)); },
      .refused = [this](SimMember& member,
                        server::replica::Refusal why) { operator_->Refused(member, why); },
      .urls =
          [this] {
            std::vector<std::string> urls;
            for (const SimMember* member : members_) urls.push_back(member->url());
            return urls;
          },
  };
}

SimMember& Simulation::NewMachine(SimMember::Start start) {
  machines_.push_back(std::make_unique<SimMember>(machines_.size(), settings_, events_, network_,
                                                  MemberHooks(), std::move(start)));
  return *machines_.back();
}

// Switched off, and its disk thrown away.
void Simulation::Retire(SimMember& member) {
  if (std::erase(members_, &member) == 0) return;
  Tell(absl::StrCat("member ", member.place(), " is gone for good"));
  if (member.running()) member.Kill(/*power=*/true);
  raft_checks_.Gone(member);
}

void Simulation::StartMembers() {
  for (size_t place = 0; place < settings_.members; ++place) {
    members_.push_back(&NewMachine({.url = UrlOf(place)}));
  }
  if (plan_.crash_at_operation != 0) {
    members_[0]->disk().SetOperationListener([this](uint64_t count) {
      if (count != plan_.crash_at_operation) return;
      ++outcome_.faults["crash-at-operation"];
      machines_[0]->Freeze("at this write or sync");
    });
  }
  for (SimMember* member : members_) member->Boot();
}

void Simulation::Supervise() {
  for (SimMember* member : Members(members_)) {
    if (member->up() || operator_->IsKeptDown(*member)) continue;
    if (!faults_on_ || random_.Below(5) == 0) member->Boot();
  }
  events_.After(kSupervisorTurn, [this] { Supervise(); });
}

// At random intervals, exponentially distributed around `mean`.
void Simulation::Repeat(const char* kind, absl::Duration mean, std::function<void()> fault) {
  if (mean == absl::InfiniteDuration()) return;
  const double u = static_cast<double>(random_.Below(1000000) + 1) / 1000001;
  events_.After(-std::log(u) * mean, [this, kind, mean, fault = std::move(fault)] {
    if (!faults_on_) return;
    ++outcome_.faults[kind];
    fault();
    Repeat(kind, mean, fault);
  });
}

void Simulation::PlanFaults() {
  Repeat("cut", settings_.cut_every, [this] { CutSomething(); });
  Repeat("crash", settings_.crash_every, [this] { CrashSomebody(random_.Below(2) == 0); });
  Repeat("power-loss", settings_.power_loss_every, [this] { LosePower(); });
  const auto somebody = [this]() -> SimMember& {
    return *members_[random_.Below(members_.size())];
  };
  Repeat("pause", settings_.pause_every, [this, somebody] {
    SimMember& member = somebody();
    Tell(absl::StrCat("member ", member.place(), " is paused"));
    member.Pause(absl::Milliseconds(static_cast<int64_t>(random_.Between(50, 5000))));
  });
  Repeat("transfer", settings_.transfer_every, [this] {
    for (const auto& member : members_) {
      if (!member->up() || !member->member().status().is_leader) continue;
      Tell(absl::StrCat("member ", member->place(), " is told to hand over"));
      member->TransferLeadership();
    }
  });
  Repeat("disk-stall", settings_.stall_every, [this, somebody] {
    SimMember& member = somebody();
    Tell(absl::StrCat("member ", member.place(), ": its disk stalls"));
    member.StallDisk(absl::Milliseconds(static_cast<int64_t>(random_.Between(50, 8000))));
  });
  Repeat("full-disk", settings_.full_disk_every, [this, somebody] {
    SimMember& member = somebody();
    Tell(absl::StrCat("member ", member.place(), ": its disk is nearly full"));
    member.disk().SetRoom(random_.Below(100000));
    events_.After(absl::Milliseconds(static_cast<int64_t>(random_.Between(500, 8000))),
                  [this, &member] {
                    Tell(absl::StrCat("member ", member.place(), ": its disk has room again"));
                    member.disk().SetRoom(VirtualDisk::kUnlimited);
                  });
  });
  Repeat("failed-sync", settings_.failed_sync_every,
         [somebody] { somebody().disk().FailNextSync(); });
  Repeat("failed-write", settings_.failed_write_every,
         [somebody] { somebody().disk().FailNextWrite(); });
  Repeat("rot", settings_.rot_every, [this, somebody] { atlas_.Rot(somebody()); });
  Repeat("change-value", settings_.change_value_every,
         [this, somebody] { atlas_.ChangeValue(somebody()); });
  Repeat("errand", settings_.change_every, [this] { operator_->Begin(); });
}

// Whole partitions, one-way and partial cuts; healed after a while.
void Simulation::CutSomething() {
  const size_t count = members_.size();
  const uint64_t style = random_.Below(4);
  const uint64_t side = random_.Next();
  Tell(absl::StrCat("network: cut, style ", style));
  for (size_t from = 0; from < count; ++from) {
    for (size_t to = 0; to < count; ++to) {
      if (from == to) continue;
      const bool apart = ((side >> from) & 1) != ((side >> to) & 1);
      const bool cut = style == 0   ? apart
                       : style == 1 ? apart && ((side >> from) & 1) != 0
                       : style == 2 ? random_.Below(3) == 0
                                    : from == side % count || to == side % count;
      if (cut) network_.Cut(members_[from]->place(), members_[to]->place());
    }
  }
  events_.After(absl::Milliseconds(static_cast<int64_t>(random_.Between(100, 8000))), [this] {
    Tell("network: healed");
    network_.Heal();
  });
}

void Simulation::CrashSomebody(bool power) {
  SimMember& member = *members_[random_.Below(members_.size())];
  if (!member.up()) return;
  Tell(absl::StrCat("member ", member.place(), power ? " loses power" : " is killed"));
  member.Kill(power);
  atlas_.Crashed(member);
}

void Simulation::LosePower() {
  Tell("all members lose power");
  for (SimMember* member : members_) {
    if (member->up()) member->Kill(/*power=*/true);
  }
  for (SimMember* member : members_) atlas_.Crashed(*member);
}

void Simulation::Step() {
  events_.RunNext();
  ++outcome_.events;
  Mix(static_cast<uint64_t>(absl::ToInt64Nanoseconds(events_.now())));
}

void Simulation::RunUntil(absl::Duration end) {
  while (outcome_.violation.ok() && !events_.empty() && events_.next() <= end) Step();
}

// What was applied up to there had the same effect on every member.
void Simulation::CheckHash(SimMember& member) {
  const kv::Store& store = member.member().store();
  if (store.hash() == 0) return;
  const auto [known, fresh] = hashes_.emplace(store.sequence(), store.hash());
  if (fresh || known->second == store.hash()) return;
  Check(absl::InternalError(absl::StrCat("member ", member.place(), " has another hash chain at ",
                                         store.sequence().value())));
}

Outcome Simulation::Run() {
  Tell(settings_.Describe());
  StartMembers();
  events_.After(kSupervisorTurn, [this] { Supervise(); });
  clients_->Start();
  watchers_->Start();
  lease_users_->Start();
  operator_->Turn();
  auditor_.Turn();
  PlanFaults();
  RunUntil(settings_.duration);
  if (outcome_.violation.ok()) {
    EndFaults();
    if (WaitUntilLive()) CheckAgreement();
  }
  if (outcome_.violation.ok()) Check(history_.Finish());
  outcome_.simulated = events_.now();
  outcome_.calls = clients_->calls();
  outcome_.answered = clients_->answered();
  const VirtualNetwork::Counts& counts = network_.counts();
  outcome_.faults["message-lost"] = counts.lost + counts.cut;
  outcome_.faults["message-doubled"] = counts.doubled;
  outcome_.faults["message-damaged"] = counts.damaged;
  return outcome_;
}

}  // namespace pintle::sim

#include "tests/sim/operator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replica/errors.h"

namespace pintle::sim {
namespace {

using server::replica::ClusterMember;
using server::replica::MemberChange;
using server::replica::Refusal;
using Kind = MemberChange::Kind;

constexpr absl::Duration kPatience = absl::Seconds(10);  // for one answer
constexpr absl::Duration kPause = absl::Milliseconds(300);
constexpr int kTries = 6;
constexpr int kPromotions = 30;
constexpr int kWipes = 30;

// It was not done, and will not be. The rest may have been, or may still be.
bool IsRefusal(const absl::Status& status) {
  return !absl::IsUnavailable(status) || status == server::replica::ErrUnhealthy();
}

const ClusterMember* FindIn(const std::vector<ClusterMember>& list, uint64_t id) {
  const auto found = std::ranges::find(list, id, &ClusterMember::id);
  return found == list.end() ? nullptr : &*found;
}

bool IsAt(const ClusterMember& member, const SimMember& machine) {
  return member.peer_urls == std::vector<std::string>{machine.url()};
}

}  // namespace

Operator::Operator(const Settings& settings, EventQueue& events, const Members& members,
                   Doors doors)
    : settings_(settings),
      events_(events),
      members_(members),
      doors_(std::move(doors)),
      random_(settings.seed ^ 0x09e7a70) {}

void Operator::Turn() {
  if (!works()) return;
  events_.After(kPause, [this] { Turn(); });
  const bool somebody_goes = std::ranges::any_of(members_, [this](const SimMember* member) {
    return member->wiped() || to_go_.contains(member->id().value());
  });
  if (!settling_ && !somebody_goes) return;
  ReadList([this](const List& list) {
    LookAround(list);
    TellOfMoves(list);
  });
  if (settling_) LookAfterLost();
}

void Operator::Begin() {
  if (errand_ != nullptr || settling_ || LookAfterLost()) return;
  Members staying;
  for (SimMember* member : members_) {
    if (!to_go_.contains(member->id().value())) staying.push_back(member);
  }
  if (staying.empty()) return;
  SimMember& member = *staying[random_.Below(staying.size())];
  const bool may_grow = staying.size() < kMostMembers;
  const uint64_t percent = random_.Below(100);
  if (percent < 15) return Move(member);
  if (percent < 30) return Wipe(member, kWipes);
  if (percent < 50 && may_grow) return Replace(member);
  if (staying.size() > settings_.fewest_members && (percent < 75 || !may_grow))
    return Remove(member);
  if (!may_grow) return;
  percent % 2 == 0 ? AddVoter() : AddLearner();
}

void Operator::Add(const char* kind, MemberChange change,
                   std::function<void(SimMember&, End)> then) {
  const std::string url = FreeUrl();
  SimMember& machine = doors_.new_machine({.url = url, .joins = true});
  change.kind = Kind::kAdd;
  change.id = machine.id().value();
  change.peer_urls = {url};
  machines_[machine.id()] = &machine;
  Do(change, [this, kind, &machine, url, then = std::move(then)](End end) {
    then(machine, end);
    if (end == End::kRefused) {
      refused_.insert(machine.id().value());
      machines_.erase(machine.id());
      free_urls_.push_back(url);
    }
    if (end != End::kDone) return;
    doors_.tell(kind, absl::StrCat("member ", machine.place(), " at ", url));
    // Somebody has to carry it there first.
    events_.After(absl::Milliseconds(static_cast<int64_t>(random_.Below(4000))), [this, &machine] {
      if (machines_.erase(machine.id()) > 0) doors_.start(machine);
    });
  });
}

void Operator::AddVoter() {
  Add("member-added", {}, [](SimMember&, End) {});
}

void Operator::AddLearner() {
  Add("learner-added", {.learner = true}, [this](SimMember& machine, End end) {
    if (end == End::kDone) Promote(machine.id(), kPromotions);
  });
}

void Operator::Promote(raft::MemberId learner, int tries) {
  if (tries == 0) return;
  events_.After(kPause * 2, [this, learner, tries] {
    if (settling_ || to_go_.contains(learner.value())) return;
    Do({.kind = Kind::kPromote, .id = learner.value()}, [this, learner, tries](End end) {
      if (end != End::kDone) return Promote(learner, tries - 1);
      doors_.tell("member-promoted", absl::StrCat("member ", learner.value() - 1));
    });
  });
}

void Operator::Remove(SimMember& member) {
  const bool first = to_go_.insert(member.id().value()).second;
  Do({.kind = Kind::kRemove, .id = member.id().value()}, [this, first, &member](End end) {
    if (first && end == End::kRefused) to_go_.erase(member.id().value());
    if (end == End::kDone) doors_.tell("member-removed", NameOf(member));
  });
}

// In one step: the new one takes the place once it is in sync.
void Operator::Replace(SimMember& member) {
  const bool first = to_go_.insert(member.id().value()).second;
  Add("member-replaced", {.replaces = member.id().value()},
      [this, first, &member](SimMember&, End end) {
        if (first && end == End::kRefused) to_go_.erase(member.id().value());
      });
}

// To another URL: the list is told before it, or after.
void Operator::Move(SimMember& member) {
  const std::string url = absl::StrCat("http://new", ++urls_, ":2380");
  const auto move = [this, &member, url] {
    if (Find(member.id().value()) == nullptr) return;
    doors_.tell("member-moved", absl::StrCat("member ", member.place(), " to ", url));
    member.MoveTo(url);
    if (member.up()) member.Kill(/*power=*/false);
  };
  const bool before = random_.Below(2) == 0;
  if (before) move();
  Do({.kind = Kind::kUpdate, .id = member.id().value(), .peer_urls = {url}},
     [before, move](End end) {
       if (!before && end == End::kDone) move();
     });
}

// As soon as it may be.
void Operator::Wipe(SimMember& member, int tries) {
  if (tries == 0 || settling_ || Find(member.id().value()) == nullptr) return;
  const bool other_is_lost = std::ranges::any_of(members_, &SimMember::wiped);
  if (other_is_lost || !IsKnownToAll(member) || !doors_.may_lose(member)) {
    events_.After(kPause, [this, &member, tries] { Wipe(member, tries - 1); });
    return;
  }
  doors_.tell("member-wiped", NameOf(member));
  member.Wipe();
}

// Every other member has the id of its data-dir, and cannot lose it any more.
bool Operator::IsKnownToAll(const SimMember& member) {
  kv::Sequence newest;
  for (SimMember* other : members_) {
    if (!other->up()) return false;
    const List list = other->member().members();
    const ClusterMember* known = FindIn(list, member.id().value());
    if (known == nullptr || known->data_dir == server::storage::DataDirId{}) return false;
    newest = std::max(newest, other->member().store().sequence());
  }
  const kv::Sequence since = known_since_.emplace(member.id(), newest).first->second;
  return std::ranges::all_of(members_, [&](SimMember* other) {
    return other == &member || other->member().store().durable_sequence() >= since;
  });
}

void Operator::Do(MemberChange change, std::function<void(End)> then) {
  if (errand_ != nullptr) {
    events_.After(kPause, [this, change = std::move(change), then = std::move(then)] {
      if (!settling_) Do(change, then);
    });
    return;
  }
  errand_ = std::make_unique<Errand>(Errand{std::move(change), 0, false, std::move(then)});
  Ask();
}

void Operator::Later(absl::Duration delay, void (Operator::*step)()) {
  events_.After(delay, [this, step, round = ++round_] {
    if (round == round_ && errand_ != nullptr) (this->*step)();
  });
}

void Operator::Ask() {
  if (errand_->tries++ == kTries) return Finish(End::kGivenUp);
  SimMember* const member = Somebody();
  if (member == nullptr) return Later(kPause, &Operator::Ask);
  Later(kPatience, &Operator::LookUp);  // its process may be gone by then
  const bool was_open = std::exchange(errand_->open, true);
  member->Do([this, member, was_open, change = errand_->change, round = round_] {
    member->member().ChangeMembers(
        change, [this, was_open, round](const absl::StatusOr<List>& list) {
          // Not in the middle of that member's step: it may be the one that is switched off.
          events_.After(absl::ZeroDuration(), [this, list, was_open, round] {
            if (round == round_ && errand_ != nullptr) Answered(list, was_open);
          });
        });
    member->Wake();
  });
}

void Operator::Answered(const absl::StatusOr<List>& list, bool was_open) {
  if (!list.ok()) {
    if (IsRefusal(list.status())) errand_->open = was_open;
    doors_.tell("", absl::StrCat("asked for a change of members: ", list.status().ToString()));
    if (errand_->open) return Later(kPause, &Operator::LookUp);
    return Finish(End::kRefused);
  }
  CheckList(*list);
  if (!IsDone(errand_->change, *list)) {
    doors_.check(
        absl::InternalError(absl::StrCat("a change of member ", errand_->change.id,
                                         " was acknowledged, with a list that does not show it")));
  }
  Finish(End::kDone);
}

void Operator::LookUp() {
  Later(kPatience, &Operator::Ask);
  ReadList([this, round = round_](const List& list) {
    if (round != round_ || errand_ == nullptr) return;
    if (IsDone(errand_->change, list)) return Finish(End::kDone);
    Later(kPause, &Operator::Ask);
  });
}

void Operator::Finish(End end) {
  ++round_;
  list_.clear();  // is another one now
  const std::unique_ptr<Errand> errand = std::move(errand_);
  errand->then(end);
}

bool Operator::IsDone(const MemberChange& change, const List& list) {
  const ClusterMember* const member = FindIn(list, change.id);
  switch (change.kind) {
    case Kind::kAdd:
      return member != nullptr;
    case Kind::kRemove:
      return member == nullptr;
    case Kind::kUpdate:
      return member != nullptr && member->peer_urls == change.peer_urls;
    case Kind::kPromote:
      return member != nullptr && !member->is_learner;
  }
  return false;
}

void Operator::ReadList(std::function<void(const List&)> done) {
  SimMember* const member = Somebody();
  if (member == nullptr) return;
  member->Do([this, member, done = std::move(done), round = round_] {
    member->member().LinearizableRead([this, member, done, round](const auto& view) {
      if (!view.ok() || !member->up()) return;
      events_.After(absl::ZeroDuration(), [this, done, round, list = member->member().members()] {
        if (round == round_) list_ = list;
        CheckList(list);
        done(list);
      });
    });
    member->Wake();
  });
}

void Operator::CheckList(const List& list) {
  for (const ClusterMember& member : list) {
    if (!refused_.contains(member.id)) continue;
    doors_.check(
        absl::InternalError(absl::StrCat("member ", member.id, " was refused, and is one now")));
  }
}

// Who was accepted though nobody heard of it is started in the end. Of those that are out some are
// switched off at once; the others find out by themselves, if they can.
void Operator::LookAround(const List& list) {
  for (const ClusterMember& member : list) {
    const auto waiting = machines_.find(raft::MemberId(member.id));
    if (!settling_ || waiting == machines_.end()) continue;
    SimMember& machine = *waiting->second;
    machines_.erase(waiting);
    doors_.start(machine);
  }
  for (SimMember* member : Members(members_)) {
    const uint64_t id = member->id().value();
    if (!to_go_.contains(id) || FindIn(list, id) != nullptr) continue;
    const bool finds_out = !member->wiped() && member->has_data();
    if (!finds_out || (!settling_ && random_.Below(10) == 0)) Retire(*member);
  }
}

// Two that moved, and of whom the list has heard nothing, cannot find each other: what was given up
// is asked for again in the end.
void Operator::TellOfMoves(const List& list) {
  if (!settling_ || errand_ != nullptr) return;
  for (const ClusterMember& member : list) {
    const SimMember* const machine = Find(member.id);
    if (machine == nullptr || IsAt(member, *machine)) continue;
    return Do({.kind = Kind::kUpdate, .id = member.id, .peer_urls = {machine->url()}}, [](End) {});
  }
}

// True: somebody has lost its data; it is replaced, or removed.
bool Operator::LookAfterLost() {
  const auto found = std::ranges::find_if(members_, &SimMember::wiped);
  if (found == members_.end()) return false;
  SimMember& lost = **found;
  const ClusterMember* const member = FindIn(list_, lost.id().value());
  const bool is_replaced =
      std::ranges::count(list_, lost.id().value(), &ClusterMember::replaces) > 0;
  if (errand_ != nullptr || member == nullptr || is_replaced) return true;
  const bool votes = !member->is_learner && !member->promotes_itself;  // else it has no place
  const bool may_shrink = !settling_ && members_.size() > settings_.fewest_members;
  if (!votes || (may_shrink && random_.Below(3) == 0)) {
    Remove(lost);
  } else {
    Replace(lost);
  }
  return true;
}

void Operator::Retire(SimMember& member) {
  free_urls_.push_back(member.url());
  doors_.retire(member);
}

bool Operator::IsInOrder() const {
  return list_.size() == members_.size() &&
         std::ranges::all_of(list_, [this](const ClusterMember& member) {
           const SimMember* const machine = Find(member.id);
           return !member.promotes_itself && machine != nullptr && !machine->wiped() &&
                  IsAt(member, *machine);
         });
}

void Operator::Refused(SimMember& member, Refusal refusal) {
  const bool removed = refusal == Refusal::kRemoved;
  if (removed ? !to_go_.contains(member.id().value()) : !member.wiped()) {
    doors_.check(absl::InternalError(
        absl::StrCat(NameOf(member), " is told to stop, and was neither removed nor wiped")));
  }
  doors_.tell(removed ? "member-told-to-go" : "member-without-data-refused", NameOf(member));
  removed ? Retire(member) : static_cast<void>(lost_.insert(member.id()));
}

void Operator::Greeted(const SimMember& from, const SimMember& to) {
  if (!from.wiped() && !to.wiped()) return;
  if (!doors_.votes(from) || !doors_.votes(to)) return;
  doors_.check(absl::InternalError(absl::StrCat(
      NameOf(from), " and ", NameOf(to), " talk, and one of them came back without its data")));
}

SimMember* Operator::Somebody() {
  SimMember* const member = members_[random_.Below(members_.size())];
  return member->up() && !member->wiped() ? member : nullptr;
}

SimMember* Operator::Find(uint64_t id) const {
  const auto found = std::ranges::find(members_, raft::MemberId(id), &SimMember::id);
  return found == members_.end() ? nullptr : *found;
}

// Often that of a machine that is gone: another member answers there now.
std::string Operator::FreeUrl() {
  if (!free_urls_.empty() && random_.Below(2) == 0) {
    const std::string url = free_urls_.back();
    free_urls_.pop_back();
    return url;
  }
  return absl::StrCat("http://new", ++urls_, ":2380");
}

std::string Operator::NameOf(const SimMember& member) const {
  return absl::StrCat("member ", member.place());
}

}  // namespace pintle::sim

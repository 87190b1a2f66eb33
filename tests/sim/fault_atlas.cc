#include "tests/sim/fault_atlas.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::sim {
namespace {

constexpr char kLog[] = ".wal";
constexpr char kStore[] = "/store-";
constexpr char kIdentity[] = "/identity";

}  // namespace

FaultAtlas::FaultAtlas(const Settings& settings, const Members& members, Doors doors)
    : settings_(settings),
      members_(members),
      doors_(std::move(doors)),
      random_(settings.seed ^ 0xa71a5) {}

bool FaultAtlas::IsWhole(const SimMember& member) const {
  return !log_in_doubt_.contains(&member) && member.whole() && !member.disk().IsDamaged(kStore) &&
         !member.changed_values().any();
}

// Whoever holds a changed value has all it needs in its log.
bool FaultAtlas::NobodyNeedsHelp() const {
  return std::ranges::all_of(members_, [this](const SimMember* member) {
    return member->has_whole_log() && (member->changed_values().any() || IsWhole(*member));
  });
}

bool FaultAtlas::IsMajorityWhole(const std::vector<raft::MemberId>& voters,
                                 const SimMember& without, size_t spare) const {
  const auto whole = std::ranges::count_if(members_, [&](const SimMember* other) {
    return other != &without && std::ranges::count(voters, other->id()) > 0 && IsWhole(*other);
  });
  return static_cast<size_t>(whole) > voters.size() / 2 + spare;
}

bool FaultAtlas::IsEnoughWhole(const SimMember& member, size_t spare) const {
  if (doors_.was_alone(member)) return settings_.members == 1 && settings_.keeps_whole_log;
  const bool is_masked = std::ranges::any_of(
      members_, [](const SimMember* other) { return other->wiped() && other->up(); });
  return !is_masked && std::ranges::all_of(doors_.confs(), [&](const raft::ConfState& conf) {
    return IsMajorityWhole(conf.voters, member, spare) &&
           (!conf.joint() || IsMajorityWhole(conf.outgoing, member, spare));
  });
}

void FaultAtlas::Crashed(SimMember& member) {
  if (member.wiped()) return;
  for (const DiskDamage damage : kAllDiskDamage) {
    if (random_.Chance(settings_.damage.at(damage))) DamageSomething(member, damage);
  }
}

void FaultAtlas::DamageSomething(SimMember& member, DiskDamage damage) {
  const uint64_t percent = random_.Below(100);
  const bool log = percent < 50;
  const char* where = log ? "log" : "store";
  bool done = false;
  if (log) {
    done = DamageLog(member, damage);
  } else if (percent < 95) {
    done = DamageStore(member, damage);
  } else if (damage != DiskDamage::kMisdirectedWrite && !member.disk().IsDamaged(kIdentity)) {
    where = "identity";  // one of its two copies
    done = member.disk().Damage(damage, kIdentity);
  }
  if (done) doors_.tell(member, absl::StrCat(where, "-", NameOf(damage)));
}

bool FaultAtlas::DamageLog(SimMember& member, DiskDamage damage) {
  const bool alone = doors_.was_alone(member);
  if (alone && settings_.keeps_whole_log) return false;  // its store may need all of it
  if (member.changed_values().any()) return false;       // does
  const bool may_lose = !alone && MayLose(member);
  const bool also_store = !alone && may_lose && random_.Below(4) == 0;
  if (!member.disk().Damage(damage, kLog, also_store ? kStore : kLog)) return false;
  return KeepLogDamage(member, may_lose);
}

// It stays, or is undone.
bool FaultAtlas::KeepLogDamage(SimMember& member, bool may_lose) {
  const server::storage::WalContents found = member.LogOnDisk();
  const raft::HardState promised = doors_.promised(member);
  const bool forgets =
      found.hard_state.term < promised.term ||
      (found.hard_state.term == promised.term && found.hard_state.vote != promised.vote);
  const bool harmless = !found.damaged && found.hard_state.vote_floor == raft::EntryId{};
  if (forgets || (!harmless && !may_lose)) {
    member.disk().UndoDamage();
    return false;
  }
  if (!harmless) log_in_doubt_.insert(&member);
  return true;
}

bool FaultAtlas::DamageStore(SimMember& member, DiskDamage damage) {
  if (!MayLose(member)) return false;
  const bool alone = doors_.was_alone(member);
  const bool also_log = !alone && !member.changed_values().any() && random_.Below(4) == 0;
  return member.disk().Damage(damage, kStore, also_log ? kLog : kStore) &&
         KeepLogDamage(member, /*may_lose=*/!alone);
}

void FaultAtlas::ChangeValue(SimMember& member) {
  if (!member.up() || !IsWhole(member) || !member.has_whole_log()) return;
  if (!MayLose(member) && !NobodyNeedsHelp()) return;
  member.changed_values().ChangeNext();
  doors_.tell(member, "value-changed");
}

void FaultAtlas::Rot(SimMember& member) {
  if (!member.up() || !MayLose(member)) return;
  const DiskDamage damage =
      random_.Below(2) == 0 ? DiskDamage::kFlippedBit : DiskDamage::kUnreadableSector;
  if (member.disk().Damage(damage, ".ldb"))
    doors_.tell(member, absl::StrCat("rot-", NameOf(damage)));
}

}  // namespace pintle::sim

#include "server/replica/integrity.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/canary.h"
#include "base/fault_point.h"

namespace pintle::server::replica {
namespace {

constexpr absl::Duration kCheckAgainAfter = absl::Seconds(10);
constexpr absl::Duration kCheckedLately = absl::Minutes(10);
constexpr absl::Duration kTakeBackAfter = absl::Seconds(3);

std::string NameOf(const Checkpoint& checkpoint) {
  const bool chain = checkpoint.kind == Checkpoint::Kind::kChain;
  return absl::StrCat(chain ? "the hash chain" : "the content", " at entry ",
                      checkpoint.index.value());
}

}  // namespace

void Integrity::Reached(const Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  Checkpoint reached = checkpoint;
  if (reached.kind == Checkpoint::Kind::kContent) {
    last_check_ = now_;
    next_check_ = now_ + check_interval_;
    if (std::exchange(borrowed_, false)) reached.hash = Checkpoint::kNoWitness;
  }
  votes_.Note(self_, reached);
}

void Integrity::ContentReplaced() {
  const std::lock_guard lock(mutex_);
  votes_.Forget(self_);
}

void Integrity::Installed() {
  const std::lock_guard lock(mutex_);
  borrowed_ = true;
}

void Integrity::SnapshotSent() {
  const std::lock_guard lock(mutex_);
  if (check_interval_ == absl::InfiniteDuration() || now_ < last_check_ + kCheckedLately) return;
  next_check_ = std::min(next_check_, now_);
}

void Integrity::CheckSkipped() {
  const std::lock_guard lock(mutex_);
  if (check_interval_ == absl::InfiniteDuration()) return;
  next_check_ = std::min(next_check_, now_ + kCheckAgainAfter);
}

void Integrity::Heard(std::string_view body) {
  MemberReport report;
  if (!DecodeReport(body, report) || report.from == self_) return;
  const std::vector<raft::MemberId> voters = doors_.voters();
  if (std::find(voters.begin(), voters.end(), report.from) == voters.end()) return;
  const std::lock_guard lock(mutex_);
  NoteRoom(report.from, report);
  for (const Checkpoint& checkpoint : report.checkpoints) votes_.Note(report.from, checkpoint);
}

void Integrity::NoteRoom(raft::MemberId member, const MemberReport& report) {
  const auto before = said_.find(member);
  room_changed_ |= report.short_of_room != (before != said_.end() && before->second.short_of_room);
  said_[member] = {
      .at = now_, .short_of_room = report.short_of_room, .keeps_alarm = report.keeps_alarm};
}

void Integrity::Tick(absl::Time now, bool is_leader) {
  MemberReport report{
      .from = self_, .short_of_room = doors_.short_of_room(), .keeps_alarm = doors_.keeps_alarm()};
  {
    const std::lock_guard lock(mutex_);
    if (now_ == absl::InfinitePast()) next_check_ = now + check_interval_;
    now_ = now;
    if (!is_leader) leader_since_ = absl::InfiniteFuture();
    if (is_leader && leader_since_ == absl::InfiniteFuture()) leader_since_ = now;
    NoteRoom(self_, report);
    // Writes go on until everybody knows: that does not wait for its turn.
    if (now < next_report_ && !room_changed_) return;
    room_changed_ = false;
    next_report_ = now + kReportEvery;
    report.checkpoints = votes_.Newest(self_, MemberReport::kMostCheckpoints);
  }
  doors_.send(EncodeReport(report));
  LookAtHashes(is_leader);
  if (!is_leader) return;
  LookAtRoom(now);
  LookAtTime(now);
}

void Integrity::LookAtHashes(bool is_leader) {
  const std::vector<raft::MemberId> voters = doors_.voters();
  HashVotes::Verdict verdict;
  bool split = false;
  {
    const std::lock_guard lock(mutex_);
    verdict = votes_.Look(self_, voters);
    split = split_ |= verdict.kind == HashVotes::Verdict::Kind::kSplit;
  }
  const bool odd = verdict.kind == HashVotes::Verdict::Kind::kOdd;
  if (odd && PINTLE_CANARY("odd_member_ignored")) return;
  if (odd && IsCorrupt()) return;  // an operator is looking at it, and may want to keep this store
  if (odd) {
    base::FaultPoint("integrity.odd");
    doors_.distrust_store(absl::DataLossError(
        absl::StrCat(NameOf(verdict.own), " is not what the other members have")));
  }
  if (verdict.kind == HashVotes::Verdict::Kind::kSplit) {
    base::FaultPoint("integrity.split");
    spdlog::error("the members do not agree on {}, and no majority does", NameOf(verdict.own));
  }
  // Until it is raised: a leader may go before it is, but then the next one has seen the same.
  constexpr kv::Alarm kCorrupt{.member_id = 0, .type = kv::AlarmType::kCorrupt};
  if (split && IsCorrupt()) return Raised(kCorrupt);
  if (split && is_leader) doors_.raise(kCorrupt);
}

void Integrity::Raised(const kv::Alarm& alarm) {
  if (alarm.type != kv::AlarmType::kCorrupt) return;
  const std::lock_guard lock(mutex_);
  split_ = false;
}

bool Integrity::IsCorrupt() const {
  const std::vector<kv::Alarm> active = doors_.alarms();
  return std::any_of(active.begin(), active.end(),
                     [](const kv::Alarm& alarm) { return alarm.type == kv::AlarmType::kCorrupt; });
}

void Integrity::LookAtRoom(absl::Time now) {
  std::map<raft::MemberId, Said> said;
  bool heard_all = false;
  {
    const std::lock_guard lock(mutex_);
    heard_all = now - leader_since_ >= kSilentAfter;
    std::erase_if(said_, [&](const auto& one) { return now - one.second.at > kSilentAfter; });
    said = said_;
  }
  for (const auto& [member, one] : said) {
    if (one.short_of_room) {
      doors_.raise({member.value(), kv::AlarmType::kNoSpace, /*automatic=*/true});
    }
  }
  TakeBackAlarms(now, said, heard_all);
}

// Not a new one: who raised it may not have said yet that it is due. Who has not spoken to us yet
// may be full.
void Integrity::TakeBackAlarms(absl::Time now, const std::map<raft::MemberId, Said>& said,
                               bool heard_all) {
  std::map<kv::Alarm, absl::Time> since;
  for (const kv::Alarm& alarm : doors_.alarms()) {
    if (alarm.type != kv::AlarmType::kNoSpace || !alarm.automatic) continue;
    const auto known = alarms_since_.find(alarm);
    since[alarm] = known == alarms_since_.end() ? now : known->second;
    const auto found = said.find(raft::MemberId(alarm.member_id));
    const bool due =
        found != said.end() && (found->second.short_of_room || found->second.keeps_alarm);
    if (heard_all && !due && now - since[alarm] >= kTakeBackAfter) doors_.clear(alarm);
  }
  alarms_since_ = std::move(since);
}

void Integrity::LookAtTime(absl::Time now) {
  {
    const std::lock_guard lock(mutex_);
    if (now < next_check_) return;
    next_check_ = now + check_interval_;
    last_check_ = now;
  }
  doors_.propose_check();
}

}  // namespace pintle::server::replica

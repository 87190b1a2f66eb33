#include "tests/sim/watchers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pintle::sim {
namespace {

constexpr absl::Duration kTurn = absl::Milliseconds(20);
constexpr size_t kWatchers = 4;
constexpr size_t kFarAhead = 40;  // revisions

}  // namespace

Watchers::Watchers(const Settings& settings, EventQueue& events, Members& members,
                   history::History& history, std::function<void(const absl::Status&)> check)
    : settings_(settings),
      events_(events),
      members_(members),
      history_(history),
      check_(std::move(check)),
      random_(settings.seed ^ 0x3a7c4e5),
      watchers_(kWatchers) {}

void Watchers::Start() {
  for (size_t number = 0; number < watchers_.size(); ++number) {
    watchers_[number].member = members_[number % members_.size()];
    watchers_[number].cursor = 1;
    watchers_[number].slow = number % 2 == 1;
    watchers_[number].prev_kv = random_.Below(2) == 0;
    Turn(number);
  }
}

void Watchers::Turn(size_t number) {
  Watcher& watcher = watchers_[number];
  const bool slow = watcher.slow && !settled_;
  const absl::Duration pause =
      slow ? absl::Milliseconds(static_cast<int64_t>(random_.Between(20, 3000))) : kTurn;
  events_.After(pause, [this, number] { Turn(number); });
  const SimMember& member = *watcher.member;
  const bool gone = !member.up() || member.incarnation() != watcher.incarnation;
  if (!settled_ && random_.Below(slow ? 10 : 300) == 0) return BeginAnew(watcher);
  if (watcher.subscription == nullptr || gone || random_.Below(500) == 0) return Resume(watcher);
  Pull(watcher);
}

void Watchers::Subscribe(Watcher& watcher, int64_t start) {
  SimMember& member = *watcher.member;
  int64_t revision = 0;
  watcher.incarnation = member.incarnation();
  watcher.subscription = member.member().hub().Subscribe(
      {.range = AllKeys(), .start_revision = start, .prev_kv = watcher.prev_kv}, [] {}, revision);
  watcher.cursor = (start == 0 ? revision + 1 : start) - 1;
}

void Watchers::Resume(Watcher& watcher) {
  watcher.subscription.reset();
  watcher.member = members_[random_.Below(members_.size())];
  if (watcher.member->up()) Subscribe(watcher, watcher.cursor + 1);
}

void Watchers::BeginAnew(Watcher& watcher) {
  watcher.subscription.reset();
  watcher.member = members_[random_.Below(members_.size())];
  if (!watcher.member->up()) return;
  const int64_t last = history_.last_revision();
  const int64_t oldest = watcher.member->member().view()->compact_revision();
  const uint64_t ahead = random_.Below(kFarAhead);
  switch (random_.Below(4)) {
    case 0:
      return Subscribe(watcher, 0);
    case 1:
      return Subscribe(watcher, last + 1 + static_cast<int64_t>(ahead));
    case 2:  // what was deleted there, too
      return Subscribe(watcher, std::max<int64_t>(2, oldest));
    default:
      return Subscribe(watcher, std::max<int64_t>(2, last - static_cast<int64_t>(ahead)));
  }
}

void Watchers::Pull(Watcher& watcher) {
  if (random_.Below(2) == 0) CheckProgress(watcher);
  const size_t most = watcher.slow && !settled_ ? random_.Below(2000) : size_t{1} << 16;
  const watch::Batch batch = watcher.subscription->Next(most);
  if (!batch.error.ok()) return Resume(watcher);  // its store was being replaced
  if (batch.compacted) return CheckCompacted(watcher, batch);
  if (watcher.prev_kv) CheckPrevious(watcher, batch);
  for (const Revisions::One& one : watcher.member->Told(batch).list) {
    check_(history_.Watched(watcher.cursor, one.revision, one.changes));
  }
  CheckProgress(watcher);
}

// Every revision changes some key, and all are watched: progress and events end at the same one.
void Watchers::CheckProgress(const Watcher& watcher) {
  const int64_t synced = watcher.subscription->synced_revision();
  if (synced >= 0) check_(history_.Progress(watcher.cursor, synced));
}

void Watchers::CheckCompacted(Watcher& watcher, const watch::Batch& batch) {
  if (batch.compact_revision <= watcher.cursor + 1 || batch.compact_revision > compaction_asked_) {
    check_(absl::InternalError(absl::StrCat(
        "a watch that was given everything up to ", watcher.cursor, " was ended by compaction ",
        batch.compact_revision, "; the last one asked for was ", compaction_asked_)));
  }
  watcher.subscription.reset();
  watcher.cursor = batch.compact_revision - 1;  // as after a list
}

void Watchers::CheckPrevious(const Watcher& watcher, const watch::Batch& batch) {
  const int64_t compacted = watcher.member->member().view()->compact_revision();
  for (const watch::Delivered& delivered : batch.events) {
    const kv::Event& event = *delivered.event;
    const auto truth = history_.At(event.key, event.revision.main - 1);
    if (delivered.prev_kv == nullptr && event.revision.main - 1 < compacted) continue;
    const auto given = delivered.prev_kv == nullptr
                           ? std::nullopt
                           : std::optional<history::Pair>(watcher.member->Told(delivered.prev_kv));
    if (given == truth) continue;
    check_(absl::InternalError(absl::StrCat("a watch got a wrong previous pair of ", event.key,
                                            " at revision ", event.revision.main)));
  }
}

bool Watchers::AreSynced() const {
  return std::ranges::all_of(watchers_, [this](const Watcher& watcher) {
    return watcher.cursor >= history_.last_revision();
  });
}

}  // namespace pintle::sim

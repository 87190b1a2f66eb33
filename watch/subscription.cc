#include "watch/subscription.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "kv/errors.h"
#include "watch/catch_up.h"

namespace pintle::watch {
namespace {

// Events fetched from the window in one go: bounds how long it is held.
constexpr size_t kFetch = 256;

constexpr int64_t kNothingCompacted = -1;

}  // namespace

HubSubscription::HubSubscription(std::shared_ptr<HubCore> core, SubscribeOptions options,
                                 std::function<void()> wake)
    : core_(std::move(core)),
      options_(std::move(options)),
      inbox_(std::move(wake), core_->behind) {}

HubSubscription::~HubSubscription() {
  core_->index.With([&](auto& index) { index.Remove(options_.range, this); });
}

int64_t HubSubscription::Begin() {
  // Before the first event the window does not know where the store stands; the view does. Once
  // there were events the window is never older than the view.
  const auto view = core_->views();
  const int64_t compacted = view->compact_revision();
  core_->window.With([&](EventWindow& window) { window.StartAt(view->revision()); });

  // Into the index first: whatever is published after the revision read below is offered.
  core_->index.With([&](auto& index) { index.Add(options_.range, this); });
  int64_t revision = 0;
  start_ = options_.start_revision;
  if (start_ < 0 || (start_ > 0 && start_ < compacted)) {
    revision = core_->window.With([](const EventWindow& window) { return window.revision(); });
    ended_ = true;
    end_status_ = kv::ErrCompacted();
    compacted_ = compacted;
    inbox_.Close();
    return revision;
  }
  const int64_t from = PINTLE_CANARY("future_watch_gets_old") ? 0 : start_;
  const bool live = inbox_.GoLive(from, [&] {
    revision = core_->window.With([](const EventWindow& window) { return window.revision(); });
    return start_ == 0 || start_ > revision;
  });
  if (start_ == 0) start_ = revision + 1;
  through_ = live ? revision : start_ - 1;
  if (!live) {
    next_ = PINTLE_CANARY("watch_cursor_off_by_one") ? start_ + 1 : start_;
    inbox_.FallBehind(next_);
  }
  return revision;
}

bool HubSubscription::Gather(EventWindow::Position position, const kv::Event& event) {
  if (!Wants(event)) return false;
  gathered_.push_back({position, event.revision.main});
  return gathered_.size() == 1;
}

void HubSubscription::OfferGathered() {
  inbox_.Offer(gathered_);
  gathered_.clear();
}

Batch HubSubscription::Next(size_t max_bytes) {
  if (ended_) return EndBatch();
  if (taken_.empty()) {
    if (const auto behind = inbox_.Take(taken_)) {
      through_ = std::max(through_, behind->through);
      next_ = std::max({next_, behind->resume, through_ + 1});
      return NextMissed(max_bytes);
    }
    if (taken_.empty()) return {};
  }
  return NextLive(max_bytes);
}

std::vector<EventRef> HubSubscription::Fetch() const {
  std::vector<EventRef> events;
  events.reserve(std::min(taken_.size(), kFetch));
  core_->window.With([&](const EventWindow& window) {
    for (const Inbox::Item& item : taken_) {
      if (events.size() >= kFetch && item.revision != events.back()->revision()) break;
      EventRef event = window.At(item.position);
      if (event == nullptr) break;
      events.push_back(std::move(event));
    }
  });
  return events;
}

Batch HubSubscription::NextLive(size_t max_bytes) {
  const std::vector<EventRef> events = Fetch();
  if (events.empty()) {  // slower than the window is long
    next_ = taken_.front().revision;
    if (PINTLE_CANARY("slow_watcher_loses")) next_ = taken_.back().revision;
    if (PINTLE_CANARY("duplicate_event")) next_ = through_;
    taken_.clear();
    inbox_.FallBehind(next_);
    return NextMissed(max_bytes);
  }
  Batch batch;
  size_t bytes = 0;
  for (const EventRef& event : events) {
    if (bytes > max_bytes && event->revision() != batch.revision) break;
    taken_.pop_front();
    // Possible right after catching up: the window had it before the inbox did.
    if (event->revision() <= through_) continue;
    if (absl::Status given = Deliver(event, kNothingCompacted, batch); !given.ok())
      return End(std::move(given));
    batch.revision = event->revision();
    bytes += batch.events.back().encoded->size();
  }
  if (!batch.events.empty()) through_ = batch.revision;
  batch.more = !taken_.empty() || !inbox_.Settle();
  return batch;
}

Batch HubSubscription::NextMissed(size_t max_bytes) {
  auto missed = CatchUp(*core_, options_.range, next_, max_bytes);
  if (!missed.ok()) return End(missed.status());
  Batch batch;
  batch.revision = missed->revision;
  const int64_t compacted = core_->views()->compact_revision();
  for (const EventRef& event : missed->events) {
    if (!Wants(event->event())) continue;
    if (absl::Status given = Deliver(event, compacted, batch); !given.ok())
      return End(std::move(given));
  }
  // The store may be at an older position than this subscription, or than its start.
  next_ = std::max(next_, missed->next);
  through_ = std::max(through_, missed->next - 1);
  batch.more = !TryGoLive();
  return batch;
}

bool HubSubscription::TryGoLive() {
  const bool live = inbox_.GoLive(next_, [&] {
    return next_ > core_->window.With([](const EventWindow& window) { return window.revision(); });
  });
  if (!live) inbox_.FallBehind(next_);
  return live;
}

Batch HubSubscription::End(absl::Status status) {
  ended_ = true;
  end_status_ = std::move(status);
  compacted_ = core_->views()->compact_revision();
  inbox_.Close();
  return EndBatch();
}

Batch HubSubscription::EndBatch() const {
  Batch batch;
  if (kv::IsCompacted(end_status_)) {
    batch.compacted = true;
    batch.compact_revision = compacted_;
  } else {
    batch.error = end_status_;
  }
  return batch;
}

int64_t HubSubscription::synced_revision() const {
  if (ended_ || !taken_.empty()) return -1;
  // Read first: what has been offered by then is in the inbox if it is wanted.
  const int64_t offered = core_->offered_revision.load(std::memory_order_acquire);
  if (!inbox_.LiveAndEmpty() && !PINTLE_CANARY("progress_early")) return -1;
  const int64_t revision = std::max(offered, through_);
  const bool begun = revision >= start_ - 1 || PINTLE_CANARY("future_watch_told_old_progress");
  return begun ? revision : -1;
}

bool HubSubscription::Wants(const kv::Event& event) const {
  return event.type == kv::EventType::kPut ? options_.want_puts : options_.want_deletes;
}

// What was there one revision before the event is readable only above what is compacted. There it
// has to be: an event without it would say that there was nothing. A key that is deleted and
// created again in one revision is, as in etcd, a created one.
absl::Status HubSubscription::Deliver(const EventRef& event, int64_t compacted, Batch& batch) {
  Delivered delivered{.event = {event, &event->event()}, .prev_kv = nullptr, .encoded = nullptr};
  const bool created = event->event().type == kv::EventType::kPut &&
                       event->event().create_revision == event->revision();
  if (options_.prev_kv && !created && event->revision() > compacted) {
    auto with_prev = event->WithPrev([&](kv::Revision revision) {
      auto recent =
          core_->window.With([&](const EventWindow& window) { return window.Record(revision); });
      return recent != nullptr ? recent : core_->views()->Record(revision);
    });
    const bool missing = with_prev.prev_kv == nullptr && event->event().previous.main != 0;
    if (missing && event->revision() > core_->views()->compact_revision())
      return absl::DataLossError("what was there before an event cannot be read");
    delivered.prev_kv = std::move(with_prev.prev_kv);
    delivered.encoded = std::move(with_prev.encoded);
  } else {
    delivered.encoded = event->Plain();
  }
  batch.events.push_back(std::move(delivered));
  core_->events_delivered.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

}  // namespace pintle::watch

#include "watch/event_window.h"

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace pintle::watch {

void EventWindow::StartAt(int64_t revision) {
  if (revision_ < revision) Reset(revision);
}

void EventWindow::Reset(int64_t revision) {
  first_position_ += events_.size();
  events_.clear();
  bytes_ = 0;
  revision_ = revision;
  first_revision_ = revision + 1;
}

EventWindow::Position EventWindow::Append(std::span<const kv::Event> events, int64_t revision) {
  PINTLE_CHECK(events.empty() || events.front().revision.main > revision_,
               "events are published once and in order");
  Evict();
  if (first_revision_ < 0) {
    first_revision_ = events.empty() ? revision + 1 : events.front().revision.main;
  }
  const Position position = first_position_ + events_.size();
  for (const kv::Event& event : events) {
    events_.push_back(std::make_shared<const LoggedEvent>(event));
    bytes_ += events_.back()->size();
  }
  revision_ = std::max(revision_, revision);
  return position;
}

void EventWindow::Evict() {
  while (bytes_ > max_bytes_ && !events_.empty()) {
    const int64_t leaving = events_.front()->revision();
    while (!events_.empty() && events_.front()->revision() == leaving) {
      bytes_ -= events_.front()->size();
      events_.pop_front();
      ++first_position_;
    }
    first_revision_ = leaving + 1;
  }
}

EventRef EventWindow::At(Position position) const {
  if (position < first_position_ || position - first_position_ >= events_.size()) return nullptr;
  return events_[position - first_position_];
}

EventWindow::Slice EventWindow::From(int64_t from, size_t max_events) const {
  Slice slice{.events = {}, .next = revision_ + 1};
  auto it = std::lower_bound(
      events_.begin(), events_.end(), from,
      [](const EventRef& event, int64_t revision) { return event->revision() < revision; });
  for (; it != events_.end(); ++it) {
    const int64_t revision = (*it)->revision();
    if (slice.events.size() >= max_events && revision != slice.events.back()->revision()) {
      slice.next = revision;
      break;
    }
    slice.events.push_back(*it);
  }
  return slice;
}

kv::EncodedKeyValue EventWindow::Record(kv::Revision revision) const {
  auto it = std::lower_bound(
      events_.begin(), events_.end(), revision,
      [](const EventRef& event, kv::Revision r) { return event->event().revision < r; });
  if (it == events_.end() || (*it)->event().revision != revision) return nullptr;
  return (*it)->event().kv;
}

}  // namespace pintle::watch

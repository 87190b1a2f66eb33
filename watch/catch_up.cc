#include "watch/catch_up.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace pintle::watch {
namespace {

// Events of the window looked at in one piece: bounds how long the window is held.
constexpr size_t kWindowPiece = 1024;

}  // namespace

absl::StatusOr<Missed> CatchUp(HubCore& core, const kv::KeyRange& range, int64_t from,
                               size_t max_bytes) {
  Missed missed;
  EventWindow::Slice slice;
  const bool in_window = core.window.With([&](const EventWindow& window) {
    if (from < window.first_revision()) return false;
    slice = window.From(from, kWindowPiece);
    missed.revision = window.revision();
    return true;
  });
  if (in_window) {
    missed.next = slice.next;
    size_t bytes = 0;
    for (size_t i = 0; i < slice.events.size(); ++i) {
      EventRef& event = slice.events[i];
      const int64_t revision = event->revision();
      if (bytes > max_bytes && revision != missed.events.back()->revision()) {
        missed.next = revision;
        break;
      }
      if (!range.Contains(event->event().key)) continue;
      bytes += event->size();
      missed.events.push_back(std::move(event));
    }
    return missed;
  }
  // Taken after the look at the window: what has left the window is readable in this view.
  const auto view = core.views();
  auto history = view->Events(range, from, max_bytes);
  if (!history.ok()) return std::move(history).status();
  for (kv::Event& event : history->events) {
    missed.events.push_back(std::make_shared<const LoggedEvent>(std::move(event)));
  }
  missed.next = history->next;
  missed.revision = view->revision();
  return missed;
}

}  // namespace pintle::watch

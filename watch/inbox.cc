#include "watch/inbox.h"

#include <algorithm>
#include <utility>

namespace pintle::watch {

Inbox::Inbox(std::function<void()> wake, std::atomic<int64_t>& behind)
    : wake_(std::move(wake)), behind_(behind) {
  behind_.fetch_add(1, std::memory_order_relaxed);
}

Inbox::~Inbox() { Close(); }

void Inbox::SetLive(State& state, bool live) {
  if (state.live == live) return;
  state.live = live;
  behind_.fetch_add(live ? -1 : 1, std::memory_order_relaxed);
}

void Inbox::Offer(std::span<const Item> items) {
  bool wake = false;
  Queue dropped;
  state_.With([&](State& state) {
    if (!state.live || items.front().revision < state.from) return;
    wake = !std::exchange(state.awake, true);
    if (state.queue.size() + items.size() <= kMaxQueued) {
      state.queue.insert(state.queue.end(), items.begin(), items.end());
      return;
    }
    state.behind = {(state.queue.empty() ? items.front() : state.queue.front()).revision};
    SetLive(state, false);
    dropped.swap(state.queue);
  });
  if (wake) wake_();
}

void Inbox::Rewind(int64_t offered) {
  bool wake = false;
  Queue dropped;
  state_.With([&](State& state) {
    if (!state.live) return;
    wake = !std::exchange(state.awake, true);
    const int64_t through = state.queue.empty() ? offered : state.queue.front().revision - 1;
    state.behind = {std::max(state.from, through + 1), through};
    SetLive(state, false);
    dropped.swap(state.queue);
  });
  if (wake) wake_();
}

std::optional<Inbox::Behind> Inbox::Take(Queue& out) {
  return state_.With([&](State& state) -> std::optional<Behind> {
    if (!state.live) return state.behind;
    out.swap(state.queue);
    if (out.empty()) state.awake = false;
    return std::nullopt;
  });
}

void Inbox::FallBehind(int64_t resume) {
  Queue dropped;
  state_.With([&](State& state) {
    SetLive(state, false);
    state.awake = true;
    state.behind = {resume};
    dropped.swap(state.queue);
  });
}

bool Inbox::Settle() {
  return state_.With([](State& state) {
    if (!state.live || !state.queue.empty()) return false;
    state.awake = false;
    return true;
  });
}

bool Inbox::LiveAndEmpty() const {
  return state_.With([](const State& state) { return state.live && state.queue.empty(); });
}

void Inbox::Close() {
  state_.With([&](State& state) {
    if (std::exchange(state.closed, true)) return;
    if (!state.live) behind_.fetch_sub(1, std::memory_order_relaxed);
    state.live = false;
    state.behind = {};
    state.queue = Queue();
  });
}

}  // namespace pintle::watch

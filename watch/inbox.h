// Inbox: what the apply thread leaves for one subscription: positions in the event window.
//
// The only thing that Publish shares with a subscriber. Both sides hold its lock for a few moves
// (the subscriber swaps the whole queue out), so that a slow subscriber never holds up the apply
// thread: when it does not come for its mail, the queue overflows, is thrown away, and the
// subscription is behind: it goes on from `resume`, by itself, through window and store.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>

#include "kv/guarded.h"
#include "watch/event_window.h"

namespace pintle::watch {

class Inbox {
 public:
  struct Item {
    EventWindow::Position position = 0;
    int64_t revision = 0;
  };
  using Queue = std::deque<Item>;

  // Events that may wait; more, and the subscription is behind.
  static constexpr size_t kMaxQueued = 4096;

  // A new inbox is behind and awake. `behind` counts the inboxes that are.
  Inbox(std::function<void()> wake, std::atomic<int64_t>& behind);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // Apply thread: the wanted events of one whole revision (together, so that nobody sees half of
  // it).
  void Offer(std::span<const Item> items);

  // Apply thread: the store has changed its content. Who was live is behind from now on, having
  // been given everything up to `offered` but what is queued.
  void Rewind(int64_t offered);

  // Where a subscription that is behind goes on.
  struct Behind {
    int64_t resume = 0;    // first revision that was not queued
    int64_t through = -1;  // after Rewind: everything up to here had been queued, and taken
  };
  // Subscriber: everything queued (`out` comes empty); nothing. When nothing is, the next Offer
  // wakes. Or that it is behind.
  std::optional<Behind> Take(Queue& out);

  // Subscriber: from now on revisions >= `from` are queued, provided that `caught_up` says so under
  // the lock, where no Offer can come in between. The next Offer wakes.
  template <typename CaughtUp>
  bool GoLive(int64_t from, CaughtUp caught_up) {
    return state_.With([&](State& state) {
      if (!caught_up()) return false;
      SetLive(state, true);
      state.awake = false;
      state.from = from;
      return true;
    });
  }

  // Subscriber: goes on by itself, from `resume`; what is queued is thrown away.
  void FallBehind(int64_t resume);

  // Subscriber: true when nothing is queued (then the next Offer wakes).
  bool Settle();
  bool LiveAndEmpty() const;

  // Subscriber: wants nothing any more.
  void Close();

 private:
  struct State {
    bool live = false;
    bool closed = false;
    bool awake = true;  // the subscriber owes a Take
    int64_t from = 0;   // while live: revisions below are not wanted
    Behind behind;      // while it is
    Queue queue;
  };
  void SetLive(State& state, bool live);

  const std::function<void()> wake_;
  std::atomic<int64_t>& behind_;
  kv::Guarded<State> state_;
};

}  // namespace pintle::watch

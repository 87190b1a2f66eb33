// WatchStream: one watch of a client, from the hub's subscription to frames on its exchange
// (kube-api §6.6).
//
// Owner: the exchange's close callback. Thread: the exchange's; the hub's wake only posts here.
// Pauses while the exchange holds kMaxUnsentBytes unsent and goes on when it drains: a slow client
// lags alone, in the store's history, and gets a 410 when that is gone. Source of order and
// completeness: watch/hub.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/kube/call.h"
#include "server/kube/list_options.h"
#include "watch/hub.h"

namespace pintle::server::kube {

class WatchStream : public std::enable_shared_from_this<WatchStream> {
 public:
  WatchStream(CallPtr call, WatchOptions options);

  // `view`: where a watch without a resourceVersion begins; else unused.
  void Start(std::shared_ptr<const kv::ReadView> view);

 private:
  static constexpr size_t kMaxUnsentBytes = 256 << 10;
  static constexpr size_t kBatchBytes = 64 << 10;
  static constexpr int64_t kInitialSlice = 200;

  void StartTimers();
  void RestartBookmarks();
  void Subscribe(int64_t from_revision);
  void PostPump();
  void Pump();         // as much as the exchange takes
  bool PumpInitial();  // true when the initial state is out
  void PumpEvents();
  void SendInitial(const std::string& pair);
  void SendEvent(const watch::Delivered& delivered);
  void SendBookmark();
  void SendExpired(int64_t compact_revision);
  // `stored` of `revision` as the event's object.
  void SendObject(std::string_view type, std::string_view stored, int64_t revision);
  void SendFrame(std::string_view type, std::string_view object);
  void Finish();

  bool Matches(std::string_view stored, int64_t revision) const;
  bool full() { return !call_->reply.exchange->WantsMore(kMaxUnsentBytes); }

  const CallPtr call_;
  const WatchOptions options_;
  kv::KeyRange range_;
  std::shared_ptr<const kv::ReadView> initial_view_;  // null once the initial state is out
  kv::KeyRange initial_rest_;
  std::unique_ptr<watch::Subscription> subscription_;
  std::unique_ptr<net::Executor::Timer> end_timer_, bookmark_timer_;
  int64_t last_revision_ = 0;  // told to the client, by event or bookmark
  bool first_frame_ = true;
  bool pump_posted_ = false;
  bool finished_ = false;
};

}  // namespace pintle::server::kube

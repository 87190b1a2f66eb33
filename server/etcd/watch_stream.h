// WatchStream: one Watch call. Many watches by id, control messages in order, events pulled from
// the hub's subscriptions only while the client takes them (etcd-api 1.2).
//
// Thread: the call's. Lives as long as its call; ends its subscriptions when that closes.
// Limits: kMaxWatches per stream; nothing is pulled while unsent bytes are above
// EtcdFaceOptions::watch_stream_bytes, or the connection's part is full (net/room.h): a stream that
// does not read costs one such amount, and then lags in the hub, alone.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "proto/etcd/rpc.pb.h"
#include "server/etcd/leader_watch.h"
#include "server/etcd/service.h"
#include "server/etcd/wake_box.h"
#include "server/etcd/watch_messages.h"
#include "watch/hub.h"

namespace pintle::server::etcd {

class WatchStream : public std::enable_shared_from_this<WatchStream> {
 public:
  static constexpr size_t kMaxWatches = 100'000;
  static constexpr size_t kMaxHeld = 1000;  // requests, while the caller's token is not known here

  WatchStream(ServicePtr service, std::shared_ptr<net::GrpcCall> call);

  void Begin();
  void Receive(std::string_view bytes);

 private:
  struct Watch {
    std::unique_ptr<watch::Subscription> subscription;
    bool progress_notify = false;
    bool fragment = false;
    bool quiet = true;   // nothing sent since the last periodic notification
    bool ready = false;  // in ready_
  };

  void Close();
  void Take(const etcdserverpb::WatchRequest& request);
  void Create(const etcdserverpb::WatchCreateRequest& request);
  // OK: the caller may read that. Looked at once, when the watch begins, as etcd does.
  absl::Status CheckCaller(const kv::KeyRange& range) const;
  void WaitForToken();
  // Empty: fine. Else the reason of refusal: to this caller, and to any.
  std::string Denial(const etcdserverpb::WatchCreateRequest& request,
                     const kv::KeyRange& range) const;
  std::string_view Refusal(const etcdserverpb::WatchCreateRequest& request,
                           const kv::KeyRange& range) const;
  void Cancel(int64_t watch_id);
  void Woken(const std::vector<int64_t>& ids);

  // Pulls and sends as long as there is something and the client takes it; gives way to the
  // thread's other connections now and then.
  void Pump();
  bool PumpOne(int64_t watch_id, Watch& watch);  // true: there is more
  bool MaySend();
  void End(int64_t watch_id, const watch::Batch& last);
  void MarkReady(int64_t watch_id, Watch& watch);

  void AnswerProgress();
  void ArmProgressTimer();
  void NotifyProgress();

  int64_t PickId();
  void SendControl(int64_t revision, const WatchControl& control);
  int64_t StoreRevision() const { return service_->member.view()->revision(); }

  const ServicePtr service_;
  std::shared_ptr<net::GrpcCall> call_;  // null once closed
  std::shared_ptr<WakeBox> wake_box_;
  std::map<int64_t, Watch> watches_;
  std::deque<int64_t> ready_;  // watches to pull from, in turn
  int64_t next_id_ = 0;
  bool counted_ = false;  // among the open streams
  bool progress_asked_ = false;
  bool token_waited_for_ = false;
  std::vector<etcdserverpb::WatchRequest> held_;  // until the token has been waited for
  bool holding_ = false;
  bool pump_posted_ = false;
  std::unique_ptr<LeaderWatch> leader_watch_;
  std::unique_ptr<net::Executor::Timer> progress_timer_;
};

}  // namespace pintle::server::etcd

#include "server/etcd/watch_stream.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "kv/auth/errors.h"
#include "kv/errors.h"
#include "server/etcd/auth_caller.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

// Bytes of events taken from a subscription at a time.
constexpr size_t kBatchBytes = size_t{128} << 10;
// Batches sent before the thread's other connections get their turn.
constexpr int kBatchesPerTurn = 64;
// Added by etcd to --max-request-bytes wherever it bounds a message.
constexpr size_t kMessageAllowance = size_t{512} << 10;
// Below this net calls OnDrain: a smaller bound would wait for ever.
constexpr size_t kDrainBytes = size_t{64} << 10;
constexpr absl::Duration kMinProgressInterval = absl::Milliseconds(100);

// Up to a tenth of the interval, so that the streams of many clients do not all speak at once.
absl::Duration Jitter(absl::Duration interval) {
  thread_local std::minstd_rand generator(std::random_device{}());
  return interval * std::uniform_real_distribution<double>(0, 0.1)(generator);
}

kv::KeyRange RangeOf(const etcdserverpb::WatchCreateRequest& request) {
  // An empty key stands for the first one.
  return {request.key().empty() ? std::string(1, '\0') : request.key(), request.range_end()};
}

watch::SubscribeOptions OptionsOf(const etcdserverpb::WatchCreateRequest& request) {
  watch::SubscribeOptions options{.range = RangeOf(request),
                                  .start_revision = request.start_revision(),
                                  .prev_kv = request.prev_kv()};
  for (const int filter : request.filters()) {
    if (filter == etcdserverpb::WatchCreateRequest::NOPUT) options.want_puts = false;
    if (filter == etcdserverpb::WatchCreateRequest::NODELETE) options.want_deletes = false;
  }
  return options;
}

}  // namespace

WatchStream::WatchStream(ServicePtr service, std::shared_ptr<net::GrpcCall> call)
    : service_(std::move(service)), call_(std::move(call)) {}

void WatchStream::Begin() {
  call_->OnClose([self = shared_from_this()] { self->Close(); });
  if (absl::Status refused = CheckStream(*service_, *call_); !refused.ok()) {
    call_->Finish(refused);
    return;
  }
  call_->OnDrain([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Pump();
  });
  wake_box_ = std::make_shared<WakeBox>(call_->executor(),
                                        [weak = weak_from_this()](const std::vector<int64_t>& ids) {
                                          if (const auto self = weak.lock()) self->Woken(ids);
                                        });
  leader_watch_ = LeaderWatch::For(service_, call_);
  counted_ = true;
  ++service_->counters->watch_streams;
}

void WatchStream::Close() {
  if (std::exchange(counted_, false)) --service_->counters->watch_streams;
  watches_.clear();
  ready_.clear();
  progress_timer_.reset();
  leader_watch_.reset();
  call_.reset();
}

void WatchStream::Receive(std::string_view bytes) {
  if (call_ == nullptr) return;
  etcdserverpb::WatchRequest request;
  if (!ParseMessage(bytes, request)) {
    call_->Finish(ErrNotAMessage());
    return;
  }
  if (!holding_ && !std::exchange(token_waited_for_, true) && service_->member.auth_enabled() &&
      TokenIsAhead(*service_, *call_)) {
    WaitForToken();
  }
  if (!holding_) return Take(request);
  if (held_.size() == kMaxHeld) return call_->Finish(kv::auth::ErrInvalidAuthToken());
  held_.push_back(std::move(request));
}

// The requests of a stream are answered in order: those behind wait, too.
void WatchStream::WaitForToken() {
  holding_ = true;
  service_->member.LinearizableRead([self = shared_from_this(), call = call_](const auto&) {
    OnCallThread(call, [self] {
      self->holding_ = false;
      for (const auto& request : std::exchange(self->held_, {})) {
        if (self->call_ != nullptr) self->Take(request);
      }
    });
  });
}

void WatchStream::Take(const etcdserverpb::WatchRequest& request) {
  switch (request.request_union_case()) {
    case etcdserverpb::WatchRequest::kCreateRequest:
      Create(request.create_request());
      break;
    case etcdserverpb::WatchRequest::kCancelRequest:
      Cancel(request.cancel_request().watch_id());
      break;
    case etcdserverpb::WatchRequest::kProgressRequest:
      // A stream without watches gets no answer (etcd-api 1.2.3).
      progress_asked_ = !watches_.empty();
      Pump();
      break;
    case etcdserverpb::WatchRequest::REQUEST_UNION_NOT_SET:
      break;
  }
}

absl::Status WatchStream::CheckCaller(const kv::KeyRange& range) const {
  if (!service_->member.auth_enabled()) return absl::OkStatus();
  const auto view = service_->member.view();
  const auto caller = CallerOf(*service_, *call_, view->auth().revision());
  return caller.ok() ? view->auth().CheckRead(*caller, range) : caller.status();
}

std::string WatchStream::Denial(const etcdserverpb::WatchCreateRequest& request,
                                const kv::KeyRange& range) const {
  // Before it is asked who wants it, as in etcd.
  if (request.start_revision() < 0) return std::string(kv::ErrCompacted().message());
  const absl::Status refused = CheckCaller(range);
  return refused.ok() ? std::string() : GoErrorText(refused);
}

std::string_view WatchStream::Refusal(const etcdserverpb::WatchCreateRequest& request,
                                      const kv::KeyRange& range) const {
  if (!range.single() && !range.to_the_end() && range.end <= range.key) return kReasonEmptyRange;
  if (request.watch_id() != 0 && watches_.contains(request.watch_id())) {
    return kReasonDuplicateWatchId;
  }
  return watches_.size() >= kMaxWatches ? kReasonTooManyWatches : std::string_view();
}

int64_t WatchStream::PickId() {
  while (watches_.contains(next_id_)) ++next_id_;
  return next_id_++;
}

void WatchStream::Create(const etcdserverpb::WatchCreateRequest& request) {
  if (!service_->member.store_usable()) {
    call_->Finish(replica::ErrStoreUnderRepair());
    return;
  }
  watch::SubscribeOptions options = OptionsOf(request);
  const std::string denial = Denial(request, options.range);
  const std::string_view reason =
      denial.empty() ? Refusal(request, options.range) : std::string_view(denial);
  if (!reason.empty()) {
    SendControl(StoreRevision(),
                {.watch_id = kNoWatch, .created = true, .canceled = true, .cancel_reason = reason});
    return;
  }
  const int64_t id = request.watch_id() != 0 ? request.watch_id() : PickId();
  Watch& watch = watches_[id];
  watch.progress_notify = request.progress_notify();
  watch.fragment = request.fragment();
  int64_t revision = 0;
  watch.subscription = service_->member.hub().Subscribe(
      std::move(options), [box = wake_box_, id] { box->Wake(id); }, revision);
  SendControl(revision, {.watch_id = id, .created = true});
  if (watch.progress_notify && progress_timer_ == nullptr) ArmProgressTimer();
}

void WatchStream::Cancel(int64_t watch_id) {
  if (watches_.erase(watch_id) == 0) return;
  SendControl(StoreRevision(), {.watch_id = watch_id, .canceled = true});
  if (watches_.empty()) progress_asked_ = false;
}

void WatchStream::SendControl(int64_t revision, const WatchControl& control) {
  const absl::Time begun = absl::Now();
  call_->Send(EncodeWatchControl(FactsOf(service_->member), revision, control));
  service_->counters->watch_turns.controls.Observe(absl::Now() - begun);
}

void WatchStream::MarkReady(int64_t watch_id, Watch& watch) {
  if (std::exchange(watch.ready, true)) return;
  ready_.push_back(watch_id);
}

void WatchStream::Woken(const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    if (auto it = watches_.find(id); it != watches_.end()) MarkReady(id, it->second);
  }
  Pump();
}

bool WatchStream::MaySend() {
  return call_ != nullptr &&
         call_->WantsMore(std::max(service_->options.watch_stream_bytes, kDrainBytes));
}

void WatchStream::Pump() {
  for (int turn = 0; !ready_.empty() && MaySend(); ++turn) {
    if (turn == kBatchesPerTurn) {
      if (std::exchange(pump_posted_, true)) return;
      call_->executor().Post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->pump_posted_ = false;
          self->Pump();
        }
      });
      return;
    }
    const int64_t id = ready_.front();
    ready_.pop_front();
    const auto it = watches_.find(id);
    if (it == watches_.end()) continue;
    it->second.ready = false;
    // The watch may be gone after this.
    if (PumpOne(id, it->second)) MarkReady(id, watches_.at(id));
  }
  if (progress_asked_ && MaySend()) AnswerProgress();
}

bool WatchStream::PumpOne(int64_t watch_id, Watch& watch) {
  const absl::Time begun = absl::Now();
  const watch::Batch batch = watch.subscription->Next(kBatchBytes);
  if (batch.compacted || !batch.error.ok()) {
    End(watch_id, batch);
    return false;
  }
  if (!batch.events.empty()) {
    watch.quiet = false;
    const size_t fragment_bytes =
        watch.fragment ? service_->options.max_request_bytes + kMessageAllowance : 0;
    for (std::string& message :
         EncodeWatchEvents(FactsOf(service_->member), watch_id, batch, fragment_bytes)) {
      if (!call_->Send(std::move(message))) return false;
    }
    WatchTurns& turns = service_->counters->watch_turns;
    const absl::Duration took = absl::Now() - begun;
    turns.events.Observe(took);
    turns.per_event.Observe(took / batch.events.size());
  }
  return batch.more;
}

void WatchStream::End(int64_t watch_id, const watch::Batch& last) {
  const std::string reason(last.error.message());
  // As etcd: a compacted watch is told the compact revision and no revision in the header.
  SendControl(last.compacted ? 0 : StoreRevision(), {.watch_id = watch_id,
                                                     .canceled = true,
                                                     .compact_revision = last.compact_revision,
                                                     .cancel_reason = reason});
  watches_.erase(watch_id);
}

void WatchStream::AnswerProgress() {
  const absl::Time begun = absl::Now();
  int64_t revision = INT64_MAX;
  for (const auto& [id, watch] : watches_) {
    const int64_t synced = watch.subscription->synced_revision();
    if (synced < 0) return;  // its wake-up brings us back here
    revision = std::min(revision, synced);
  }
  progress_asked_ = false;
  if (watches_.empty()) return;
  SendControl(revision, {.watch_id = kNoWatch});
  service_->counters->watch_turns.progress.Observe(absl::Now() - begun);
}

void WatchStream::ArmProgressTimer() {
  const absl::Duration interval =
      std::max(service_->options.watch_progress_interval, kMinProgressInterval);
  progress_timer_ = call_->executor().After(interval + Jitter(interval), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->call_ != nullptr) self->NotifyProgress();
  });
}

void WatchStream::NotifyProgress() {
  for (auto& [id, watch] : watches_) {
    if (!watch.progress_notify) continue;
    const int64_t synced = watch.subscription->synced_revision();
    if (std::exchange(watch.quiet, true) && synced >= 0) SendControl(synced, {.watch_id = id});
  }
  ArmProgressTimer();
}

}  // namespace pintle::server::etcd

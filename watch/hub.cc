#include "watch/hub.h"

#include <utility>

#include "base/canary.h"
#include "base/fault_point.h"
#include "watch/hub_core.h"
#include "watch/subscription.h"

namespace pintle::watch {
namespace {

class HubImpl final : public Hub {
 public:
  HubImpl(HubOptions options, ViewSource views)
      : core_(std::make_shared<HubCore>(options, std::move(views))) {}

  void Publish(std::span<const kv::Event> events, int64_t revision) override {
    const EventWindow::Position position =
        core_->window.With([&](EventWindow& window) { return window.Append(events, revision); });
    core_->index.With([&](const RangeIndex<HubSubscription>& index) {
      for (size_t i = 0; i < events.size(); ++i) {
        index.ForEach(events[i].key, [&](HubSubscription& subscription) {
          if (subscription.Gather(position + i, events[i])) touched_.push_back(&subscription);
        });
        const bool revision_ends =
            i + 1 == events.size() || events[i + 1].revision.main != events[i].revision.main;
        if (!revision_ends) continue;
        for (HubSubscription* subscription : touched_) subscription->OfferGathered();
        touched_.clear();
      }
    });
    core_->offered_revision.store(revision, std::memory_order_release);
  }

  void Reset(int64_t revision) override {
    // The window first: who catches up in between must not go live by the old one.
    core_->window.With([&](EventWindow& window) { window.Reset(revision); });
    base::FaultPoint("watch.window_reset");
    const int64_t offered = core_->offered_revision.load(std::memory_order_relaxed);
    core_->index.With([&](const RangeIndex<HubSubscription>& index) {
      index.ForEachItem([&](HubSubscription& subscription) {
        if (!PINTLE_CANARY("watcher_survives_snapshot")) subscription.Rewind(offered);
      });
    });
    core_->offered_revision.store(revision, std::memory_order_release);
  }

  std::unique_ptr<Subscription> Subscribe(SubscribeOptions options, std::function<void()> wake,
                                          int64_t& revision) override {
    auto subscription = std::make_unique<HubSubscription>(core_, std::move(options), wake);
    revision = subscription->Begin();
    if (subscription->synced_revision() < 0) wake();  // it has a past to fetch, or has ended
    return subscription;
  }

  Stats stats() const override {
    return {.subscriptions = core_->index.With(
                [](const auto& index) { return static_cast<int64_t>(index.size()); }),
            .behind = core_->behind.load(std::memory_order_relaxed),
            .events_delivered = core_->events_delivered.load(std::memory_order_relaxed),
            .window_bytes = core_->window.With(
                [](const EventWindow& window) { return static_cast<int64_t>(window.bytes()); })};
  }

 private:
  const std::shared_ptr<HubCore> core_;
  std::vector<HubSubscription*> touched_;  // by the revision being published; apply thread only
};

}  // namespace

std::unique_ptr<Hub> Hub::Create(HubOptions options, ViewSource views) {
  return std::make_unique<HubImpl>(options, std::move(views));
}

}  // namespace pintle::watch

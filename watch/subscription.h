// HubSubscription: one cursor into the stream of events. Live (fed through its inbox) or behind
// (it fetches what it missed, a piece per Next()); see hub.h for what it promises.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "watch/hub.h"
#include "watch/hub_core.h"
#include "watch/inbox.h"

namespace pintle::watch {

class HubSubscription final : public Subscription {
 public:
  HubSubscription(std::shared_ptr<HubCore> core, SubscribeOptions options,
                  std::function<void()> wake);
  ~HubSubscription() override;

  // Puts it into the index and decides where it begins. Returns the store's revision.
  int64_t Begin();

  Batch Next(size_t max_bytes) override;
  int64_t synced_revision() const override;

  // Apply thread, under the index's lock: gathers the wanted events of one revision (true for the
  // first of them), then hands them over together.
  bool Gather(EventWindow::Position position, const kv::Event& event);
  void OfferGathered();
  // Apply thread, under the index's lock: Hub::Reset. It had been offered everything up to
  // `offered`.
  void Rewind(int64_t offered) { inbox_.Rewind(offered); }

 private:
  Batch End(absl::Status status);
  Batch EndBatch() const;
  Batch NextLive(size_t max_bytes);
  Batch NextMissed(size_t max_bytes);
  // The events of the first items of taken_ that are still in the window.
  std::vector<EventRef> Fetch() const;
  // Goes live when nothing was missed up to now.
  bool TryGoLive();
  bool Wants(const kv::Event& event) const;
  absl::Status Deliver(const EventRef& event, int64_t compacted, Batch& batch);

  const std::shared_ptr<HubCore> core_;
  const SubscribeOptions options_;
  Inbox inbox_;

  std::vector<Inbox::Item> gathered_;  // apply thread only

  // Subscriber's thread only.
  Inbox::Queue taken_;   // out of the inbox, not yet delivered
  int64_t next_ = 0;     // while behind: first revision to look at
  int64_t through_ = 0;  // everything up to here has been delivered or is not wanted
  int64_t start_ = 0;    // first revision wanted
  bool ended_ = false;
  int64_t compacted_ = 0;  // when it ended: the store may be another one when that is read
  absl::Status end_status_;
};

}  // namespace pintle::watch

// EndpointsController: Services and pods → Endpoints. Decisions are in endpoints_reconcile.h; this
// reads and writes.
//
// A Service without selector is left alone: its Endpoints are somebody else's. One of a deleted
// Service is deleted.
#pragma once

#include <string>

#include "client/controllers/controller.h"

namespace pintle::client::controllers {

class EndpointsController final : public Controller {
 public:
  explicit EndpointsController(Context context);

 protected:
  Plan Sync(const std::string& key) override;
  void EnqueueAll() override;
  void OnStarted() override;

 private:
  void EnqueueForPod(const ObjectPtr& pod);

  Informer& services_;
  Informer& pods_;
  Informer& endpoints_;
};

}  // namespace pintle::client::controllers

// DeploymentController: Deployments → ReplicaSets. Decisions are in deployment_reconcile.h; this
// reads and writes.
#pragma once

#include <map>
#include <string>

#include "client/controllers/controller.h"

namespace pintle::client::controllers {

class DeploymentController final : public Controller {
 public:
  explicit DeploymentController(Context context);

 protected:
  Plan Sync(const std::string& key) override;
  void EnqueueAll() override;

 private:
  void EnqueueOwnerOf(const ObjectPtr& set);
  void EnqueueForPod(const ObjectPtr& pod);
  bool CacheIsBehind(const std::vector<ObjectPtr>& sets);

  Informer& deployments_;
  Informer& sets_;
  Informer& pods_;
  // resourceVersion of our last write per ReplicaSet uid: until the cache shows it, counts by it
  // would be wrong.
  std::map<std::string, uint64_t> written_;
};

}  // namespace pintle::client::controllers

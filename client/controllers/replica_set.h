// ReplicaSetController: ReplicaSets → pods. Decisions are in replica_set_reconcile.h; this reads
// and writes.
//
// Pods are created under names chosen here, so that a creation sent twice (its answer was lost with
// its member) makes one pod. Expectations keep a stale cache from creating or deleting again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/controllers/controller.h"
#include "client/controllers/expectations.h"
#include "client/controllers/replica_set_reconcile.h"

namespace pintle::client::controllers {

class ReplicaSetController final : public Controller {
 public:
  explicit ReplicaSetController(Context context);

 protected:
  void SyncAsync(const std::string& key, SyncDone done) override;
  void EnqueueAll() override;

 private:
  void EnqueueOwnersOf(const ObjectPtr& pod);
  void OnPodAdded(const ObjectPtr& pod);
  void OnPodUpdated(const ObjectPtr& old_pod, const ObjectPtr& pod);
  void OnPodDeleted(const ObjectPtr& pod);
  Plan ManagePods(const std::string& key, const ReplicaSetView& view);
  Action CreatePod(const std::string& key, const ObjectPtr& set);
  Action DeletePod(const std::string& key, const ObjectPtr& set, const ObjectPtr& pod);
  void WriteStatus(const ReplicaSetView& view, PlanResult managed,
                   const std::string& failure_reason, SyncDone done);
  std::map<std::string, int64_t> RelatedByNode(const Json& set);

  Informer& sets_;
  Informer& pods_;
  Expectations expectations_;
};

}  // namespace pintle::client::controllers

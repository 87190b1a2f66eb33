// Scheduler: binds pending pods of schedulerName default-scheduler to nodes. Decisions are in
// scheduling.h.
//
// A pod that fits nowhere gets the condition PodScheduled=False (Unschedulable) and an Event; it is
// tried again when a node changes in a way that matters, when a pod frees its place, and every
// minute.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/controllers/controller.h"
#include "client/controllers/scheduling.h"

namespace pintle::client::controllers {

class Scheduler final : public Controller {
 public:
  explicit Scheduler(Context context);

 protected:
  Plan Sync(const std::string& key) override;
  void EnqueueAll() override;

 private:
  void OnPod(const ObjectPtr& pod);
  void OnPodGone(const ObjectPtr& pod);
  void RetryUnschedulable();
  bool Counted(const Json& pod) const;
  const std::vector<NodeLoad>& Loads();
  void Assume(const std::string& key, const Json& pod, const std::string& node);
  Action Bind(const ObjectPtr& pod, const std::string& node);
  void Refuse(Plan& plan, const ObjectPtr& pod, const std::string& message);

  Informer& pods_;
  Informer& nodes_;
  std::map<std::string, std::string>
      assumed_;  // pod key → node: bound by us, not yet seen in the cache
  std::set<std::string> unschedulable_;
  // What runs where; kept from decision to decision, and counted anew after a change that is not
  // our own binding.
  std::vector<NodeLoad> loads_;
  bool loads_valid_ = false;
};

}  // namespace pintle::client::controllers

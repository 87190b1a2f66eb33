// NodeLifecycle: notices nodes that fell silent, says so on them, and moves their pods elsewhere.
//
// A node is judged by what this process saw: its Lease or heartbeat must *change* within the grace
// period by our own clock, and time during which our own watches were down does not count, so that
// an outage of the API server is not taken for the death of every node. Then: Ready=Unknown,
// taints, pods marked not ready, and evicted when their toleration is over. Pods bound to a node
// that no longer exists are removed after a quarantine, once a GET has confirmed that it is gone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/controllers/controller.h"

namespace pintle::client::controllers {

struct NodeLifecycleOptions {
  absl::Duration monitor_period = absl::Seconds(5);
  absl::Duration monitor_grace_period = absl::Seconds(40);
  absl::Duration pod_eviction_timeout = absl::Seconds(300);
};

class NodeLifecycle final : public Controller {
 public:
  NodeLifecycle(Context context, NodeLifecycleOptions options);

 protected:
  // Keys: "<node>" for a node, existing or not.
  void SyncAsync(const std::string& key, SyncDone done) override;
  void EnqueueAll() override;
  void OnStarted() override;

 private:
  struct Sign {
    std::string lease_renewal;
    std::string heartbeat;
    absl::Time seen_at;
  };
  void Monitor();
  bool Silent(const Json& node);
  Plan SyncNode(const ObjectPtr& node);
  void MarkPodsNotReady(const Json& node, Plan& plan);
  void EvictPods(const ObjectPtr& node, Plan& plan);
  void SyncMissingNode(const std::string& name, SyncDone done);
  Plan RemovePodsOf(const std::string& name);

  const NodeLifecycleOptions options_;
  Informer& nodes_;
  Informer& leases_;
  Informer& pods_;
  std::map<std::string, Sign> signs_;
  std::map<std::string, absl::Time> missing_since_;
  absl::Time last_monitored_ = absl::InfinitePast();
  Loop::Timer timer_;
};

}  // namespace pintle::client::controllers

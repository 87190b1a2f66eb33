// SimulatedNodes: nodes that exist in name only, so that a cluster without machines can be seen
// working.
//
// Each registers a Node (annotation pintle.dev/simulated=true, nodeInfo saying so), renews its
// Lease in kube-node-lease every 10 s and its status, and treats pods bound to it as a kubelet
// would, without running anything: they become Running and ready at once with an address of the
// node's range, and their messages say that no process is behind them. A pod that is being deleted
// goes after a short while (never longer than its grace period). Pods found at start are taken
// over. A node that somebody deletes stays deleted until the process starts anew, as a kubelet's
// does. Thread: the Loop's. Independent of leader election: every process runs its own nodes.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/controllers/controller.h"

namespace pintle::client::controllers {

struct SimulatedNodesOptions {
  int count = 0;
  std::string name_prefix = "simulated-node-";  // "…1" to "…count"
  absl::Duration heartbeat = absl::Seconds(10);
  absl::Duration stop_pods_after = absl::Seconds(1);
  std::string version;  // told as kubeletVersion
};

class SimulatedNodes final : public Controller {
 public:
  SimulatedNodes(Context context, SimulatedNodesOptions options);

 protected:
  // Keys: "node <name>" and "pod <namespace/name>".
  Plan Sync(const std::string& key) override;
  void EnqueueAll() override;
  void OnStarted() override;

 private:
  struct State {
    int index = 0;  // which range of addresses; 0: not chosen yet
    bool registered = false;
    bool dismissed = false;  // deleted by somebody, or not ours
    std::map<std::string, std::string> pod_by_address;
    absl::Time status_told = absl::InfinitePast();
  };

  void OnPod(const ObjectPtr& pod);
  void OnPodGone(const ObjectPtr& pod);
  void Beat();
  int FreeIndex() const;
  void SyncNode(const std::string& name, State& state, Plan& plan);
  void RenewLease(const std::string& name, Plan& plan);
  void SyncPod(const ObjectPtr& pod, State& state, Plan& plan);
  void StopPod(const ObjectPtr& pod, Plan& plan);
  std::string AddressFor(const Json& pod, State& state);

  const SimulatedNodesOptions options_;
  Informer& nodes_;
  Informer& pods_;
  Informer& leases_;
  std::map<std::string, State> states_;
  std::map<std::string, absl::Time> stop_at_;  // pod uid → when it is gone
  Loop::Timer timer_;
};

}  // namespace pintle::client::controllers

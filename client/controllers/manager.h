// Manager: what `pintle controllers` runs on its loop: informers, the election, the ControllerSet
// while leading, and this process's simulated nodes. Built, started, stopped and destroyed on the
// loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/controllers/controller_set.h"
#include "client/controllers/simulated_nodes.h"
#include "client/leader_election.h"

namespace pintle::client::controllers {

struct ManagerOptions {
  bool leader_elect = true;
  LeaderElectionOptions election;
  KubeClientOptions client;
  NodeLifecycleOptions node_lifecycle;
  SimulatedNodesOptions simulated_nodes;
};

class Manager {
 public:
  Manager(Loop& loop, Transport& transport, EndpointSet& endpoints, ManagerOptions options);
  ~Manager();

  void Start();
  // Stops acting at once and gives the lease up; `done` once.
  void Stop(std::function<void()> done);
  bool leading() const { return controllers_ != nullptr; }
  InformerSet& informers() { return informers_; }

 private:
  void Lead();

  Loop& loop_;
  Transport& transport_;
  EndpointSet& endpoints_;
  const ManagerOptions options_;
  // Clients apart, so that a flood of work cannot delay heartbeats or the election.
  KubeClient watch_client_;
  KubeClient election_client_;
  InformerSet informers_;
  std::unique_ptr<LeaderElection> election_;
  std::unique_ptr<ControllerSet> controllers_;
  std::unique_ptr<SimulatedNodes> nodes_;
  std::unique_ptr<EventRecorder> node_events_;
  std::unique_ptr<KubeClient> node_client_;
};

}  // namespace pintle::client::controllers

#include "client/controllers/controller_set.h"

#include "client/controllers/deployment.h"
#include "client/controllers/endpoints.h"
#include "client/controllers/garbage_collector.h"
#include "client/controllers/namespaces.h"
#include "client/controllers/replica_set.h"
#include "client/controllers/scheduler.h"

namespace pintle::client::controllers {

ControllerSet::ControllerSet(Loop& loop, Transport& transport, EndpointSet& endpoints,
                             InformerSet& informers, KubeClientOptions client_options,
                             NodeLifecycleOptions node_options) {
  client_ = std::make_unique<KubeClient>(loop, transport, endpoints, client_options);
  // Events must not take the place of work, so they have a limit of their own.
  event_client_ = std::make_unique<KubeClient>(loop, transport, endpoints, client_options);
  events_ = std::make_unique<EventRecorder>(loop, *event_client_, "pintle-controllers");
  scheduler_events_ = std::make_unique<EventRecorder>(loop, *event_client_, "default-scheduler");
  const Context context{loop, *client_, *events_, informers};
  const Context scheduling{loop, *client_, *scheduler_events_, informers};
  controllers_.push_back(std::make_unique<DeploymentController>(context));
  controllers_.push_back(std::make_unique<ReplicaSetController>(context));
  controllers_.push_back(std::make_unique<Scheduler>(scheduling));
  controllers_.push_back(std::make_unique<EndpointsController>(context));
  controllers_.push_back(std::make_unique<NamespaceController>(context));
  controllers_.push_back(std::make_unique<NodeLifecycle>(context, node_options));
  // Last: it shares the whole-object informers that the others have asked for.
  controllers_.push_back(std::make_unique<GarbageCollector>(context));
}

void ControllerSet::Start() {
  for (const auto& controller : controllers_) controller->Start();
}

}  // namespace pintle::client::controllers

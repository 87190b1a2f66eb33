// ControllerSet: every controller, made when this process is elected and destroyed when it no
// longer is.
//
// Destroying it drops the client first, so that nothing under way is answered, then the
// controllers.
#pragma once

#include <memory>
#include <vector>

#include "client/controllers/controller.h"
#include "client/controllers/node_lifecycle.h"
#include "client/event_recorder.h"
#include "client/informer_set.h"

namespace pintle::client::controllers {

class ControllerSet {
 public:
  ControllerSet(Loop& loop, Transport& transport, EndpointSet& endpoints, InformerSet& informers,
                KubeClientOptions client_options, NodeLifecycleOptions node_options);

  void Start();

 private:
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::unique_ptr<EventRecorder> events_;
  std::unique_ptr<EventRecorder> scheduler_events_;
  std::unique_ptr<KubeClient> event_client_;
  std::unique_ptr<KubeClient> client_;
};

}  // namespace pintle::client::controllers

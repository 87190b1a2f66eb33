#include "client/controllers/manager.h"

#include <utility>

#include "spdlog/spdlog.h"

namespace pintle::client::controllers {
namespace {

KubeClientOptions Unlimited(KubeClientOptions options) {
  options.qps = 0;
  return options;
}

}  // namespace

Manager::Manager(Loop& loop, Transport& transport, EndpointSet& endpoints, ManagerOptions options)
    : loop_(loop),
      transport_(transport),
      endpoints_(endpoints),
      options_(std::move(options)),
      watch_client_(loop, transport, endpoints, Unlimited(options_.client)),
      election_client_(loop, transport, endpoints, Unlimited(options_.client)),
      informers_(loop, watch_client_) {
  if (options_.simulated_nodes.count > 0) {
    node_client_ = std::make_unique<KubeClient>(loop, transport, endpoints, options_.client);
    node_events_ = std::make_unique<EventRecorder>(loop, *node_client_, "kubelet");
    nodes_ = std::make_unique<SimulatedNodes>(
        Context{loop, *node_client_, *node_events_, informers_}, options_.simulated_nodes);
  }
}

Manager::~Manager() = default;

void Manager::Start() {
  if (nodes_ != nullptr) nodes_->Start();
  // A standby keeps the caches of what the controllers will need warm.
  for (const ResourceType* type : {&Deployments(), &ReplicaSets(), &Pods(), &Nodes(), &Services(),
                                   &EndpointsType(), &Namespaces(), &Leases()}) {
    informers_.Of(*type);
  }
  informers_.Start();
  if (!options_.leader_elect) return Lead();
  LeaderElection::Callbacks callbacks;
  callbacks.on_acquired = [this] { Lead(); };
  callbacks.on_lost = [this] { controllers_.reset(); };
  callbacks.on_new_leader = [](const std::string& identity) {
    spdlog::info("the leader is {}", identity.empty() ? "nobody" : identity);
  };
  election_ = std::make_unique<LeaderElection>(loop_, election_client_, options_.election,
                                               std::move(callbacks));
  election_->Start();
}

void Manager::Lead() {
  controllers_ = std::make_unique<ControllerSet>(loop_, transport_, endpoints_, informers_,
                                                 options_.client, options_.node_lifecycle);
  controllers_->Start();
}

void Manager::Stop(std::function<void()> done) {
  controllers_.reset();
  if (election_ == nullptr) return done();
  election_->Release(std::move(done));
}

}  // namespace pintle::client::controllers

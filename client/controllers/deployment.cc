#include "client/controllers/deployment.h"

#include <algorithm>
#include <utility>

#include "client/controllers/deployment_reconcile.h"
#include "client/controllers/indexes.h"
#include "client/controllers/ownership.h"
#include "client/selectors.h"

namespace pintle::client::controllers {

DeploymentController::DeploymentController(Context context)
    : Controller(context, "deployment", 8),
      deployments_(context.informers.Of(Deployments())),
      sets_(context.informers.Of(ReplicaSets())),
      pods_(context.informers.Of(Pods())) {
  sets_.AddIndex(kByOwner, OwnerUids);
  pods_.AddIndex(kByOwner, OwnerUids);
  Read(deployments_, Each([this](const ObjectPtr& object) { queue().Add(KeyOf(*object)); }));
  InformerHandler handler = Each([this](const ObjectPtr& set) { EnqueueOwnerOf(set); });
  handler.on_delete = [this](const ObjectPtr& set) {
    written_.erase(std::string(Uid(*set)));
    EnqueueOwnerOf(set);
  };
  Read(sets_, std::move(handler));
  // Only Recreate waits for pods, and only for their end.
  InformerHandler pods;
  pods.on_delete = [this](const ObjectPtr& pod) { EnqueueForPod(pod); };
  pods.on_update = [this](const ObjectPtr&, const ObjectPtr& pod) {
    const std::string_view phase = Str(*pod, "status.phase");
    if (phase == "Succeeded" || phase == "Failed") EnqueueForPod(pod);
  };
  Read(pods_, std::move(pods));
}

void DeploymentController::EnqueueAll() {
  for (const auto& [key, object] : deployments_.objects()) queue().Add(key);
}

void DeploymentController::EnqueueOwnerOf(const ObjectPtr& set) {
  const Json& controller = ControllerRef(*set);
  if (!controller.is_null()) {
    if (Str(controller, "kind") == "Deployment") {
      queue().Add(MakeKey(Namespace(*set), Str(controller, "name")));
    }
    return;
  }
  for (const ObjectPtr& deployment : deployments_.InNamespace(Namespace(*set))) {
    if (MatchesLabelSelector(At(*deployment, "spec.selector"), At(*set, "metadata.labels"))) {
      queue().Add(KeyOf(*deployment));
    }
  }
}

void DeploymentController::EnqueueForPod(const ObjectPtr& pod) {
  const Json& controller = ControllerRef(*pod);
  if (Str(controller, "kind") != "ReplicaSet") return;
  const ObjectPtr set = sets_.Get(MakeKey(Namespace(*pod), Str(controller, "name")));
  if (set != nullptr) EnqueueOwnerOf(set);
}

bool DeploymentController::CacheIsBehind(const std::vector<ObjectPtr>& sets) {
  bool behind = false;
  for (const ObjectPtr& set : sets) {
    const auto written = written_.find(std::string(Uid(*set)));
    if (written == written_.end()) continue;
    if (ResourceVersion(*set) < written->second) {
      behind = true;
    } else {
      written_.erase(written);
    }
  }
  return behind;
}

Plan DeploymentController::Sync(const std::string& key) {
  const ObjectPtr deployment = deployments_.Get(key);
  if (deployment == nullptr || IsEmptySelector(At(*deployment, "spec.selector"))) return {};
  Claims claims = ClaimObjects(Deployments(), *deployment, ReplicaSets(),
                               sets_.InNamespace(Namespace(*deployment)));
  if (!claims.changes.empty()) return {std::move(claims.changes)};
  if (CacheIsBehind(claims.owned)) return {};  // the event that is on its way brings us back

  DeploymentView view{deployment, claims.owned, {}, context().loop.now()};
  for (const ObjectPtr& set : claims.owned) {
    for (ObjectPtr& pod : pods_.ByIndex(kByOwner, std::string(Uid(*set)))) {
      view.pods.push_back(std::move(pod));
    }
  }
  Plan plan = ReconcileDeployment(view);
  for (Action& action : plan.actions) {
    if (action.request.method != "PUT" || Str(action.request.body, "kind") != "ReplicaSet")
      continue;
    action.after = [this](const ApiReply& reply) {
      if (reply.ok()) written_[std::string(Uid(reply.body))] = ResourceVersion(reply.body);
    };
  }
  return plan;
}

}  // namespace pintle::client::controllers

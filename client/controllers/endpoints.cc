#include "client/controllers/endpoints.h"

#include <utility>

#include "client/controllers/endpoints_reconcile.h"
#include "client/selectors.h"

namespace pintle::client::controllers {

EndpointsController::EndpointsController(Context context)
    : Controller(context, "endpoints", 8),
      services_(context.informers.Of(Services())),
      pods_(context.informers.Of(Pods())),
      endpoints_(context.informers.Of(EndpointsType())) {
  Read(services_, Each([this](const ObjectPtr& service) { queue().Add(KeyOf(*service)); }));
  Read(pods_, Each([this](const ObjectPtr& pod) { EnqueueForPod(pod); }));
  // Somebody else may change or delete what we wrote.
  InformerHandler endpoints;
  endpoints.on_update = [this](const ObjectPtr&, const ObjectPtr& object) {
    if (services_.Get(KeyOf(*object)) != nullptr) queue().Add(KeyOf(*object));
  };
  endpoints.on_delete = [this](const ObjectPtr& object) { queue().Add(KeyOf(*object)); };
  Read(endpoints_, std::move(endpoints));
}

void EndpointsController::EnqueueAll() {
  for (const auto& [key, service] : services_.objects()) queue().Add(key);
}

// Endpoints whose Service went while nobody looked. The pod and service informers have synced by
// now.
void EndpointsController::OnStarted() {
  for (const auto& [key, object] : endpoints_.objects()) {
    const bool elects = !Annotation(*object, "control-plane.alpha.kubernetes.io/leader").empty();
    if (services_.Get(key) == nullptr && !elects) queue().Add(key);
  }
}

void EndpointsController::EnqueueForPod(const ObjectPtr& pod) {
  for (const ObjectPtr& service : services_.InNamespace(Namespace(*pod))) {
    const Json& selector = At(*service, "spec.selector");
    if (selector.is_object() && !selector.empty() &&
        MatchesMap(selector, At(*pod, "metadata.labels"))) {
      queue().Add(KeyOf(*service));
    }
  }
}

Plan EndpointsController::Sync(const std::string& key) {
  Plan plan;
  const ObjectPtr service = services_.Get(key);
  const ObjectPtr current = endpoints_.Get(key);
  if (service == nullptr) {
    if (current == nullptr) return plan;
    Action action;
    action.request = DeleteObject(EndpointsType(), Namespace(*current), Name(*current),
                                  {.uid = std::string(Uid(*current))});
    action.tolerated = {404, 409};
    plan.actions.push_back(std::move(action));
    return plan;
  }
  const Json& selector = At(*service, "spec.selector");
  if (!selector.is_object() || selector.empty() || Deleting(*service)) return plan;
  std::vector<ObjectPtr> selected;
  for (ObjectPtr& pod : pods_.InNamespace(Namespace(*service))) {
    if (MatchesMap(selector, At(*pod, "metadata.labels"))) selected.push_back(std::move(pod));
  }
  Json desired = DesiredEndpoints(*service, selected, current == nullptr ? Json() : *current);
  if (current != nullptr && SemanticEqual(*current, desired)) return plan;
  Action action;
  action.request = current == nullptr ? CreateObject(EndpointsType(), std::move(desired))
                                      : UpdateObject(EndpointsType(), std::move(desired));
  action.on_failure =
      EventNote{Services(), service, true, "FailedToUpdateEndpoint", "Failed to update endpoint: "};
  plan.actions.push_back(std::move(action));
  return plan;
}

}  // namespace pintle::client::controllers

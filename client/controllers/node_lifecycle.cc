#include "client/controllers/node_lifecycle.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/indexes.h"
#include "client/controllers/node_health.h"
#include "client/controllers/pod_util.h"

namespace pintle::client::controllers {
namespace {

constexpr const char* kLeaseNamespace = "kube-node-lease";
constexpr absl::Duration kMissingQuarantine = absl::Seconds(40);

}  // namespace

NodeLifecycle::NodeLifecycle(Context context, NodeLifecycleOptions options)
    : Controller(context, "nodelifecycle", 8),
      options_(options),
      nodes_(context.informers.Of(Nodes())),
      leases_(context.informers.Of(Leases())),
      pods_(context.informers.Of(Pods())) {
  pods_.AddIndex(kByNode, NodeNameOf);
  InformerHandler nodes = Each([this](const ObjectPtr& node) { queue().Add(KeyOf(*node)); });
  nodes.on_delete = [this](const ObjectPtr& node) {
    signs_.erase(KeyOf(*node));
    queue().Add(KeyOf(*node));
  };
  Read(nodes_, std::move(nodes));
  Read(leases_, {});
  // A pod that lands on a silent or absent node.
  InformerHandler pods = Each([this](const ObjectPtr& pod) {
    const std::string node(Str(*pod, "spec.nodeName"));
    if (node.empty()) return;
    const ObjectPtr known = nodes_.Get(node);
    if (known == nullptr || !Array(*known, "spec.taints").empty()) queue().Add(node);
  });
  pods.on_delete = nullptr;
  Read(pods_, std::move(pods));
}

void NodeLifecycle::EnqueueAll() {
  for (const auto& [name, node] : nodes_.objects()) queue().Add(name);
}

void NodeLifecycle::OnStarted() { Monitor(); }

void NodeLifecycle::Monitor() {
  const absl::Time now = context().loop.now();
  // While we could not see, or did not look, nobody was silent.
  const bool blind =
      !nodes_.live() || !leases_.live() || now - last_monitored_ > options_.monitor_period * 3;
  last_monitored_ = now;
  std::set<std::string> names;
  for (const auto& [name, node] : nodes_.objects()) {
    names.insert(name);
    const ObjectPtr lease = leases_.Get(MakeKey(kLeaseNamespace, name));
    std::string renewal(lease == nullptr ? "" : Str(*lease, "spec.renewTime"));
    std::string heartbeat(
        Str(FindCondition(At(*node, "status.conditions"), "Ready"), "lastHeartbeatTime"));
    Sign& sign = signs_[name];
    if (blind || sign.lease_renewal != renewal || sign.heartbeat != heartbeat) {
      sign = {std::move(renewal), std::move(heartbeat), now};
    }
    if (Silent(*node) || !Array(*node, "spec.taints").empty()) queue().Add(name);
  }
  for (const auto& [key, pod] : pods_.objects()) {
    const std::string node(Str(*pod, "spec.nodeName"));
    if (!node.empty() && !names.contains(node)) queue().Add(node);
  }
  timer_ = context().loop.After(options_.monitor_period, [this] { Monitor(); });
}

bool NodeLifecycle::Silent(const Json& node) {
  const auto sign = signs_.find(std::string(Name(node)));
  return sign != signs_.end() &&
         context().loop.now() - sign->second.seen_at > options_.monitor_grace_period;
}

void NodeLifecycle::SyncAsync(const std::string& key, SyncDone done) {
  const ObjectPtr node = nodes_.Get(key);
  if (node == nullptr) return SyncMissingNode(key, std::move(done));
  missing_since_.erase(key);
  Plan plan = SyncNode(node);
  const absl::Duration requeue_after = plan.requeue_after;
  RunPlan(context().client, context().events, std::move(plan),
          [requeue_after, done = std::move(done)](PlanResult result) mutable {
            done(std::move(result), requeue_after);
          });
}

Plan NodeLifecycle::SyncNode(const ObjectPtr& node) {
  Plan plan;
  const absl::Time now = context().loop.now();
  if (Silent(*node)) {
    if (std::optional<Json> conditions = ConditionsWhenSilent(*node, now)) {
      Json changed = *node;
      changed["status"]["conditions"] = *std::move(conditions);
      Action action;
      action.request = UpdateSubresource(Nodes(), std::move(changed), "status");
      action.tolerated = {404, 409};
      action.on_success = EventNote{
          Nodes(), node, false, "NodeNotReady",
          absl::StrCat("Node ", std::string(Name(*node)), " status is now: NodeNotReady")};
      plan.actions.push_back(std::move(action));
      return plan;  // taints follow from the conditions, when the cache shows them
    }
  }
  if (std::optional<Json> taints = TaintsFor(*node, now)) {
    Action action;
    action.request =
        PatchObject(Nodes(), "", Name(*node), PatchType::kStrategicMerge,
                    {{"metadata", {{"resourceVersion", Str(*node, "metadata.resourceVersion")}}},
                     {"spec", {{"taints", *std::move(taints)}}}});
    action.tolerated = {404, 409};
    plan.actions.push_back(std::move(action));
    return plan;
  }
  if (!IsReady(*node)) MarkPodsNotReady(*node, plan);
  EvictPods(node, plan);
  return plan;
}

void NodeLifecycle::MarkPodsNotReady(const Json& node, Plan& plan) {
  const Json& conditions = At(node, "status.conditions");
  if (Str(FindCondition(conditions, "Ready"), "status") != "Unknown") return;
  for (const ObjectPtr& pod : pods_.ByIndex(kByNode, std::string(Name(node)))) {
    if (!IsReady(*pod)) continue;
    Json condition{{"type", "Ready"},
                   {"status", "False"},
                   {"lastTransitionTime", Rfc3339(context().loop.now())}};
    Action action;
    action.request =
        PatchObject(Pods(), Namespace(*pod), Name(*pod), PatchType::kStrategicMerge,
                    {{"status", {{"conditions", Json::array({std::move(condition)})}}}}, "status");
    action.tolerated = {404, 409};
    action.on_success = EventNote{Pods(), pod, true, "NodeNotReady", "Node is not ready"};
    plan.actions.push_back(std::move(action));
  }
}

void NodeLifecycle::EvictPods(const ObjectPtr& node, Plan& plan) {
  const absl::Time now = context().loop.now();
  for (const ObjectPtr& pod : pods_.ByIndex(kByNode, std::string(Name(*node)))) {
    if (Deleting(*pod)) continue;
    const absl::Time when = EvictionTime(*pod, *node, options_.pod_eviction_timeout);
    if (when == absl::InfiniteFuture()) continue;
    if (when > now) {
      plan.RequeueAfter(when - now);
      continue;
    }
    Action action;
    action.request =
        DeleteObject(Pods(), Namespace(*pod), Name(*pod), {.uid = std::string(Uid(*pod))});
    action.tolerated = {404, 409};
    action.on_success = EventNote{Pods(), pod, false, "TaintManagerEviction",
                                  absl::StrCat("Marking for deletion Pod ", KeyOf(*pod))};
    plan.actions.push_back(std::move(action));
  }
}

void NodeLifecycle::SyncMissingNode(const std::string& name, SyncDone done) {
  if (pods_.ByIndex(kByNode, name).empty()) {
    missing_since_.erase(name);
    return done({}, absl::InfiniteDuration());
  }
  const absl::Time now = context().loop.now();
  const auto [since, fresh] = missing_since_.emplace(name, now);
  if (const absl::Duration left = since->second + kMissingQuarantine - now;
      left > absl::ZeroDuration()) {
    return done({}, left);
  }
  context().client.Send(
      GetObject(Nodes(), "", name), [this, name, done = std::move(done)](ApiReply reply) mutable {
        if (!reply.NotFound()) {
          missing_since_.erase(name);
          return done({reply.ok(), false, reply.message}, absl::InfiniteDuration());
        }
        RunPlan(context().client, context().events, RemovePodsOf(name),
                [done = std::move(done)](PlanResult result) mutable {
                  done(std::move(result), absl::InfiniteDuration());
                });
      });
}

Plan NodeLifecycle::RemovePodsOf(const std::string& name) {
  Plan plan;
  for (const ObjectPtr& pod : pods_.ByIndex(kByNode, name)) {
    Action action;
    action.request = DeleteObject(Pods(), Namespace(*pod), Name(*pod),
                                  {.grace_period_seconds = 0, .uid = std::string(Uid(*pod))});
    action.tolerated = {404, 409};
    plan.actions.push_back(std::move(action));
  }
  return plan;
}

}  // namespace pintle::client::controllers

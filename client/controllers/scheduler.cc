#include "client/controllers/scheduler.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/pod_util.h"

namespace pintle::client::controllers {
namespace {

constexpr absl::Duration kRetryUnschedulable = absl::Minutes(1);

// Everything of a node that scheduling looks at; heartbeats leave it as it is.
Json Schedulability(const Json& node) {
  return Json::array({At(node, "spec.unschedulable"), At(node, "spec.taints"),
                      At(node, "metadata.labels"), At(node, "status.allocatable"), IsReady(node)});
}

bool IsPending(const Json& pod) {
  const std::string_view scheduler = Str(pod, "spec.schedulerName");
  return Str(pod, "spec.nodeName").empty() && IsActive(pod) &&
         (scheduler.empty() || scheduler == "default-scheduler");
}

}  // namespace

// One worker: each decision must see the one before.
Scheduler::Scheduler(Context context)
    : Controller(context, "scheduler", 1),
      pods_(context.informers.Of(Pods())),
      nodes_(context.informers.Of(Nodes())) {
  InformerHandler pods;
  pods.on_add = [this](const ObjectPtr& pod) {
    if (!Counted(*pod)) loads_valid_ = false;
    OnPod(pod);
  };
  pods.on_update = [this](const ObjectPtr& before, const ObjectPtr& pod) {
    const bool moved = Str(*before, "spec.nodeName") != Str(*pod, "spec.nodeName");
    const bool finished = !IsFinished(*before) && IsFinished(*pod);
    if (finished || (moved && !Counted(*pod))) loads_valid_ = false;
    OnPod(pod);
    if (finished) RetryUnschedulable();
  };
  pods.on_delete = [this](const ObjectPtr& pod) { OnPodGone(pod); };
  Read(pods_, std::move(pods));
  InformerHandler nodes;
  nodes.on_add = [this](const ObjectPtr&) {
    loads_valid_ = false;
    RetryUnschedulable();
  };
  nodes.on_update = [this](const ObjectPtr& before, const ObjectPtr& node) {
    if (Schedulability(*before) == Schedulability(*node)) return;
    loads_valid_ = false;
    RetryUnschedulable();
  };
  nodes.on_delete = [this](const ObjectPtr&) { loads_valid_ = false; };
  Read(nodes_, std::move(nodes));
}

void Scheduler::EnqueueAll() {
  for (const auto& [key, pod] : pods_.objects()) {
    if (IsPending(*pod)) queue().Add(key);
  }
}

void Scheduler::OnPod(const ObjectPtr& pod) {
  const std::string key = KeyOf(*pod);
  if (IsPending(*pod)) {
    if (!assumed_.contains(key) && !unschedulable_.contains(key)) queue().Add(key);
    return;
  }
  assumed_.erase(key);
  unschedulable_.erase(key);
}

void Scheduler::OnPodGone(const ObjectPtr& pod) {
  const std::string key = KeyOf(*pod);
  loads_valid_ = false;
  assumed_.erase(key);
  unschedulable_.erase(key);
  if (!Str(*pod, "spec.nodeName").empty()) RetryUnschedulable();
}

// Takes no place, or takes the one that our own decision has counted already.
bool Scheduler::Counted(const Json& pod) const {
  const std::string_view node = Str(pod, "spec.nodeName");
  if (node.empty() || IsFinished(pod)) return true;
  const auto assumed = assumed_.find(KeyOf(pod));
  return assumed != assumed_.end() && assumed->second == node;
}

void Scheduler::Assume(const std::string& key, const Json& pod, const std::string& node) {
  assumed_[key] = node;
  for (NodeLoad& load : loads_) {
    if (Name(*load.node) == node) load.Add(pod);
  }
}

void Scheduler::RetryUnschedulable() {
  for (const std::string& key : unschedulable_) queue().AddAfter(key, absl::Milliseconds(100));
}

const std::vector<NodeLoad>& Scheduler::Loads() {
  if (loads_valid_) return loads_;
  std::map<std::string, NodeLoad> by_name;
  for (const auto& [name, node] : nodes_.objects()) by_name[name].node = node;
  for (const auto& [key, pod] : pods_.objects()) {
    if (IsFinished(*pod)) continue;
    std::string node(Str(*pod, "spec.nodeName"));
    if (node.empty()) {
      const auto assumed = assumed_.find(key);
      if (assumed != assumed_.end()) node = assumed->second;
    }
    const auto at = by_name.find(node);
    if (at != by_name.end()) at->second.Add(*pod);
  }
  loads_.clear();
  for (auto& [name, load] : by_name) loads_.push_back(std::move(load));
  loads_valid_ = true;
  return loads_;
}

Plan Scheduler::Sync(const std::string& key) {
  Plan plan;
  const ObjectPtr pod = pods_.Get(key);
  if (pod == nullptr || !IsPending(*pod) || assumed_.contains(key)) return plan;
  const Placement placement = PlacePod(*pod, Loads());
  if (placement.node.empty()) {
    unschedulable_.insert(key);
    Refuse(plan, pod, placement.message);
    plan.RequeueAfter(kRetryUnschedulable);
    return plan;
  }
  unschedulable_.erase(key);
  Assume(key, *pod, placement.node);
  plan.actions.push_back(Bind(pod, placement.node));
  return plan;
}

Action Scheduler::Bind(const ObjectPtr& pod, const std::string& node) {
  const std::string key = KeyOf(*pod);
  Action action;
  action.request.method = "POST";
  action.request.path = ObjectPath(Pods(), Namespace(*pod), Name(*pod), "binding");
  action.request.body = {{"apiVersion", "v1"},
                         {"kind", "Binding"},
                         {"metadata",
                          {{"name", std::string(Name(*pod))},
                           {"namespace", std::string(Namespace(*pod))},
                           {"uid", std::string(Uid(*pod))}}},
                         {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
  action.tolerated = {404, 409};  // gone, or bound already: the cache will say which
  action.on_failure = EventNote{Pods(), pod, true, "FailedScheduling", "binding rejected: "};
  action.after = [this, pod, key, node](const ApiReply& reply) {
    if (reply.ok()) {
      return context().events.Record({Pods(), pod, false, "Scheduled",
                                      absl::StrCat("Successfully assigned ", key, " to ", node)});
    }
    // Whatever was meant by the refusal, the cache decides; if it still shows a pending pod then,
    // it is tried again.
    assumed_.erase(key);
    loads_valid_ = false;
    queue().AddAfter(key, absl::Seconds(1));
  };
  return action;
}

void Scheduler::Refuse(Plan& plan, const ObjectPtr& pod, const std::string& message) {
  const Json& current = FindCondition(At(*pod, "status.conditions"), "PodScheduled");
  const EventNote note{Pods(), pod, true, "FailedScheduling", message};
  if (Str(current, "reason") == "Unschedulable" && Str(current, "message") == message) {
    context().events.Record(note);
    return;
  }
  Json condition{{"type", "PodScheduled"},
                 {"status", "False"},
                 {"reason", "Unschedulable"},
                 {"message", message},
                 {"lastProbeTime", nullptr}};
  if (Str(current, "status") != "False") {
    condition["lastTransitionTime"] = Rfc3339(context().loop.now());
  }
  Action action;
  action.request =
      PatchObject(Pods(), Namespace(*pod), Name(*pod), PatchType::kStrategicMerge,
                  {{"status", {{"conditions", Json::array({std::move(condition)})}}}}, "status");
  action.tolerated = {404, 409};
  action.on_success = note;
  plan.actions.push_back(std::move(action));
}

}  // namespace pintle::client::controllers

#include "client/controllers/simulated_nodes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/indexes.h"
#include "client/controllers/pod_util.h"
#include "client/controllers/simulated_objects.h"
#include "spdlog/spdlog.h"

namespace pintle::client::controllers {
namespace {

constexpr const char* kLeaseNamespace = "kube-node-lease";
constexpr absl::Duration kTellStatusEvery = absl::Minutes(1);
constexpr int kFirstHost = 2;
constexpr int kLastHost = 254;

}  // namespace

SimulatedNodes::SimulatedNodes(Context context, SimulatedNodesOptions options)
    : Controller(context, "simulated-nodes", 8),
      options_(std::move(options)),
      nodes_(context.informers.Of(Nodes())),
      pods_(context.informers.Of(Pods())),
      leases_(context.informers.Of(Leases())) {
  for (int i = 1; i <= options_.count; ++i) {
    states_[absl::StrCat(options_.name_prefix, i)];
  }
  InformerHandler nodes;
  nodes.on_update = [this](const ObjectPtr&, const ObjectPtr& node) {
    if (states_.contains(KeyOf(*node)) && !IsReady(*node)) queue().Add("node " + KeyOf(*node));
  };
  nodes.on_delete = [this](const ObjectPtr& node) {
    const auto at = states_.find(KeyOf(*node));
    if (at == states_.end() || !at->second.registered) return;
    at->second.dismissed = true;
    spdlog::warn("node {} was deleted; it comes back when this process starts anew", at->first);
  };
  Read(nodes_, std::move(nodes));
  InformerHandler pods;
  pods.on_add = [this](const ObjectPtr& pod) { OnPod(pod); };
  pods.on_update = [this](const ObjectPtr&, const ObjectPtr& pod) { OnPod(pod); };
  pods.on_delete = [this](const ObjectPtr& pod) { OnPodGone(pod); };
  Read(pods_, std::move(pods));
  Read(leases_, {});
}

void SimulatedNodes::EnqueueAll() {
  for (const auto& [name, state] : states_) queue().Add("node " + name);
  for (const auto& [key, pod] : pods_.objects()) OnPod(pod);
}

void SimulatedNodes::OnStarted() { Beat(); }

void SimulatedNodes::Beat() {
  for (const auto& [name, state] : states_) queue().Add("node " + name);
  timer_ = context().loop.After(options_.heartbeat, [this] { Beat(); });
}

void SimulatedNodes::OnPod(const ObjectPtr& pod) {
  const auto at = states_.find(std::string(Str(*pod, "spec.nodeName")));
  if (at == states_.end()) return;
  const std::string address(Str(*pod, "status.podIP"));
  if (!address.empty()) at->second.pod_by_address[address] = Uid(*pod);
  if (Deleting(*pod) || NeedsRunning(*pod)) queue().Add("pod " + KeyOf(*pod));
}

void SimulatedNodes::OnPodGone(const ObjectPtr& pod) {
  stop_at_.erase(std::string(Uid(*pod)));
  const auto at = states_.find(std::string(Str(*pod, "spec.nodeName")));
  if (at == states_.end()) return;
  auto& pods = at->second.pod_by_address;
  std::erase_if(pods, [&](const auto& entry) { return entry.second == Uid(*pod); });
}

Plan SimulatedNodes::Sync(const std::string& key) {
  Plan plan;
  const size_t space = key.find(' ');
  const std::string rest = key.substr(space + 1);
  if (key.compare(0, space, "node") == 0) {
    State& state = states_.at(rest);
    if (!state.dismissed) SyncNode(rest, state, plan);
    return plan;
  }
  const ObjectPtr pod = pods_.Get(rest);
  if (pod == nullptr) return plan;
  const auto at = states_.find(std::string(Str(*pod, "spec.nodeName")));
  if (at == states_.end() || at->second.dismissed) return plan;
  if (!at->second.registered) {
    plan.RequeueAfter(absl::Milliseconds(200));
  } else {
    SyncPod(pod, at->second, plan);
  }
  return plan;
}

// The lowest that no node has, of this process or another's. (Two processes that register their
// first node in the same instant may choose the same: start one after the other.)
int SimulatedNodes::FreeIndex() const {
  std::set<int> taken;
  for (const auto& [name, node] : nodes_.objects()) taken.insert(IndexOfRange(*node));
  for (const auto& [name, state] : states_) taken.insert(state.index);
  int index = 1;
  while (taken.contains(index)) ++index;
  return index;
}

void SimulatedNodes::SyncNode(const std::string& name, State& state, Plan& plan) {
  const absl::Time now = context().loop.now();
  const ObjectPtr node = nodes_.Get(name);
  if (node != nullptr && IndexOfRange(*node) > 0) state.index = IndexOfRange(*node);
  if (state.index == 0) state.index = FreeIndex();
  const SimulatedNodeIdentity identity{name, state.index, options_.version};
  Action action;
  if (node == nullptr) {
    action.request = CreateObject(Nodes(), SimulatedNode(identity, now));
    action.tolerated = {409};  // there already: the cache will show it
  } else if (Annotation(*node, kSimulatedAnnotation) != "true") {
    spdlog::error("node {} exists and is not a simulated one: leaving it alone", name);
    state.dismissed = true;
    return;
  } else if (!state.registered || !IsReady(*node) || now - state.status_told >= kTellStatusEvery) {
    action.request = PatchObject(Nodes(), "", name, PatchType::kStrategicMerge,
                                 {{"status", SimulatedNodeStatus(identity, *node, now)}}, "status");
  }
  if (!action.request.path.empty()) {
    action.after = [&state, now](const ApiReply& reply) {
      if (!reply.ok() && reply.code != 409) return;
      state.registered = true;
      state.status_told = now;
    };
    plan.actions.push_back(std::move(action));
  }
  RenewLease(name, plan);
}

void SimulatedNodes::RenewLease(const std::string& name, Plan& plan) {
  const ObjectPtr current = leases_.Get(MakeKey(kLeaseNamespace, name));
  const std::string now = Rfc3339Micro(context().loop.now());
  Action action;
  if (current == nullptr) {
    Json lease{
        {"metadata", {{"name", name}, {"namespace", kLeaseNamespace}}},
        {"spec", {{"holderIdentity", name}, {"leaseDurationSeconds", 40}, {"renewTime", now}}}};
    if (const ObjectPtr node = nodes_.Get(name)) {
      lease["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "v1"},
                                                           {"kind", "Node"},
                                                           {"name", name},
                                                           {"uid", std::string(Uid(*node))}}});
    }
    action.request = CreateObject(Leases(), std::move(lease));
    action.tolerated = {409};
  } else {
    action.request = PatchObject(Leases(), kLeaseNamespace, name, PatchType::kMerge,
                                 {{"spec", {{"holderIdentity", name}, {"renewTime", now}}}});
  }
  plan.actions.push_back(std::move(action));
}

std::string SimulatedNodes::AddressFor(const Json& pod, State& state) {
  const std::string_view known = Str(pod, "status.podIP");
  if (!known.empty()) return std::string(known);
  for (const auto& [address, uid] : state.pod_by_address) {
    if (uid == Uid(pod)) return address;
  }
  for (int host = kFirstHost; host <= kLastHost; ++host) {
    std::string address = PodAddress(state.index, host);
    if (state.pod_by_address.emplace(address, Uid(pod)).second) return address;
  }
  return {};
}

void SimulatedNodes::SyncPod(const ObjectPtr& pod, State& state, Plan& plan) {
  if (Deleting(*pod)) return StopPod(pod, plan);
  if (!NeedsRunning(*pod)) return;
  const std::string address = AddressFor(*pod, state);
  if (address.empty()) return plan.RequeueAfter(absl::Seconds(5));
  const bool starts = Str(*pod, "status.phase") != "Running";
  Action action;
  action.request = PatchObject(
      Pods(), Namespace(*pod), Name(*pod), PatchType::kStrategicMerge,
      {{"metadata", {{"uid", std::string(Uid(*pod))}}},
       {"status", RunningStatus(*pod, NodeAddress(state.index), address, context().loop.now())}},
      "status");
  action.tolerated = {404, 409, 422};  // gone, or another pod of that name by now
  if (starts) {
    action.on_success = EventNote{Pods(), pod, false, "Started", "Started containers (simulated)"};
  }
  plan.actions.push_back(std::move(action));
}

void SimulatedNodes::StopPod(const ObjectPtr& pod, Plan& plan) {
  const absl::Time now = context().loop.now();
  const std::string uid(Uid(*pod));
  auto stop = stop_at_.find(uid);
  if (stop == stop_at_.end()) {
    const absl::Duration grace =
        absl::Seconds(Int(*pod, "metadata.deletionGracePeriodSeconds", 30));
    stop = stop_at_.emplace(uid, now + std::min(grace, options_.stop_pods_after)).first;
    context().events.Record({Pods(), pod, false, "Killing", "Stopping containers (simulated)"});
  }
  if (stop->second > now) return plan.RequeueAfter(stop->second - now);
  Action action;
  action.request =
      DeleteObject(Pods(), Namespace(*pod), Name(*pod), {.grace_period_seconds = 0, .uid = uid});
  action.tolerated = {404, 409};
  plan.actions.push_back(std::move(action));
}

}  // namespace pintle::client::controllers

#include "client/controllers/replica_set.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/controllers/indexes.h"
#include "client/controllers/ownership.h"
#include "client/controllers/pod_util.h"
#include "client/selectors.h"

namespace pintle::client::controllers {
namespace {

std::string RandomSuffix(Loop& loop) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (int i = 0; i < 5; ++i) out += kAlphabet[loop.random() % kAlphabet.size()];
  return out;
}

EventNote Note(const ObjectPtr& set, std::string reason, std::string message, bool warning) {
  return {ReplicaSets(), set, warning, std::move(reason), std::move(message)};
}

}  // namespace

ReplicaSetController::ReplicaSetController(Context context)
    : Controller(context, "replicaset", 8),
      sets_(context.informers.Of(ReplicaSets())),
      pods_(context.informers.Of(Pods())) {
  sets_.AddIndex(kByOwner, OwnerUids);
  pods_.AddIndex(kByOwner, OwnerUids);
  pods_.AddIndex(kOrphans, NamespaceIfOrphan);
  InformerHandler sets = Each([this](const ObjectPtr& set) { queue().Add(KeyOf(*set)); });
  sets.on_delete = [this](const ObjectPtr& set) {
    expectations_.Forget(std::string(Uid(*set)));
    queue().Add(KeyOf(*set));
  };
  Read(sets_, std::move(sets));
  InformerHandler pods;
  pods.on_add = [this](const ObjectPtr& pod) { OnPodAdded(pod); };
  pods.on_update = [this](const ObjectPtr& before, const ObjectPtr& pod) {
    OnPodUpdated(before, pod);
  };
  pods.on_delete = [this](const ObjectPtr& pod) { OnPodDeleted(pod); };
  Read(pods_, std::move(pods));
}

void ReplicaSetController::EnqueueAll() {
  for (const auto& [key, object] : sets_.objects()) queue().Add(key);
}

void ReplicaSetController::EnqueueOwnersOf(const ObjectPtr& pod) {
  const Json& controller = ControllerRef(*pod);
  if (!controller.is_null()) {
    if (Str(controller, "kind") == "ReplicaSet") {
      queue().Add(MakeKey(Namespace(*pod), Str(controller, "name")));
    }
    return;
  }
  for (const ObjectPtr& set : sets_.InNamespace(Namespace(*pod))) {
    if (MatchesLabelSelector(At(*set, "spec.selector"), At(*pod, "metadata.labels"))) {
      queue().Add(KeyOf(*set));
    }
  }
}

void ReplicaSetController::OnPodAdded(const ObjectPtr& pod) {
  if (Deleting(*pod)) return OnPodDeleted(pod);
  expectations_.Created(std::string(Str(ControllerRef(*pod), "uid")), KeyOf(*pod));
  EnqueueOwnersOf(pod);
}

void ReplicaSetController::OnPodUpdated(const ObjectPtr& old_pod, const ObjectPtr& pod) {
  if (Deleting(*pod)) OnPodDeleted(pod);
  if (ControllerRef(*old_pod) != ControllerRef(*pod)) EnqueueOwnersOf(old_pod);
  EnqueueOwnersOf(pod);
  const Json& controller = ControllerRef(*pod);
  if (IsReady(*old_pod) || !IsReady(*pod) || controller.is_null()) return;
  const ObjectPtr set = sets_.Get(MakeKey(Namespace(*pod), Str(controller, "name")));
  const int64_t min_ready = set == nullptr ? 0 : Int(*set, "spec.minReadySeconds");
  // It will be available later, and nothing else will tell.
  if (min_ready > 0) queue().AddAfter(KeyOf(*set), absl::Seconds(min_ready + 1));
}

void ReplicaSetController::OnPodDeleted(const ObjectPtr& pod) {
  expectations_.Deleted(std::string(Str(ControllerRef(*pod), "uid")), std::string(Uid(*pod)));
  EnqueueOwnersOf(pod);
}

std::map<std::string, int64_t> ReplicaSetController::RelatedByNode(const Json& set) {
  std::map<std::string, int64_t> related;
  std::vector<ObjectPtr> sets;
  const Json& owner = ControllerRef(set);
  if (owner.is_null()) {
    sets.push_back(std::make_shared<const Json>(set));
  } else {
    sets = sets_.ByIndex(kByOwner, std::string(Str(owner, "uid")));
  }
  for (const ObjectPtr& sibling : sets) {
    for (const ObjectPtr& pod : pods_.ByIndex(kByOwner, std::string(Uid(*sibling)))) {
      if (IsActive(*pod)) ++related[std::string(Str(*pod, "spec.nodeName"))];
    }
  }
  return related;
}

void ReplicaSetController::SyncAsync(const std::string& key, SyncDone done) {
  const ObjectPtr set = sets_.Get(key);
  if (set == nullptr) return done({}, absl::InfiniteDuration());
  const absl::Time now = context().loop.now();
  const bool may_act = expectations_.Satisfied(std::string(Uid(*set)), now) && !Deleting(*set);

  // Its own and those it might adopt; what others control is none of its business.
  std::vector<ObjectPtr> active = pods_.ByIndex(kByOwner, std::string(Uid(*set)));
  for (ObjectPtr& pod : pods_.ByIndex(kOrphans, std::string(Namespace(*set)))) {
    active.push_back(std::move(pod));
  }
  std::erase_if(active, [](const ObjectPtr& pod) { return !IsActive(*pod); });
  Claims claims = ClaimObjects(ReplicaSets(), *set, Pods(), active);
  if (!claims.changes.empty()) {
    return RunPlan(context().client, context().events, {std::move(claims.changes)},
                   [done = std::move(done)](PlanResult result) mutable {
                     done(std::move(result), absl::InfiniteDuration());
                   });
  }
  auto view = std::make_shared<ReplicaSetView>();
  view->set = set;
  view->pods = std::move(claims.owned);
  view->now = now;
  const int64_t missing = may_act ? PodsMissing(*view) : 0;
  if (missing == 0) return WriteStatus(*view, {}, "", std::move(done));
  RunPlan(context().client, context().events, ManagePods(std::string(Uid(*set)), *view),
          [this, view, missing, done = std::move(done)](PlanResult result) mutable {
            const char* reason = result.ok ? "" : missing > 0 ? "FailedCreate" : "FailedDelete";
            WriteStatus(*view, std::move(result), reason, std::move(done));
          });
}

Plan ReplicaSetController::ManagePods(const std::string& key, const ReplicaSetView& view) {
  Plan plan;
  plan.parallel = true;
  const int64_t missing = PodsMissing(view);
  for (int64_t i = 0; i < missing; ++i) plan.actions.push_back(CreatePod(key, view.set));
  if (missing < 0) {
    ReplicaSetView ranked = view;
    ranked.related_by_node = RelatedByNode(*view.set);
    for (const ObjectPtr& pod : PodsToDelete(ranked, static_cast<size_t>(-missing))) {
      plan.actions.push_back(DeletePod(key, view.set, pod));
    }
  }
  return plan;
}

Action ReplicaSetController::CreatePod(const std::string& key, const ObjectPtr& set) {
  Json pod = PodFromTemplate(*set, RandomSuffix(context().loop));
  const std::string name(Name(pod));
  const std::string pod_key = KeyOf(pod);
  expectations_.ExpectCreation(key, pod_key, context().loop.now());
  Action action;
  action.request = CreateObject(Pods(), std::move(pod));
  action.on_success = Note(set, "SuccessfulCreate", "Created pod: " + name, false);
  action.on_failure = Note(set, "FailedCreate", "Error creating: ", true);
  action.after = [this, key, pod_key](const ApiReply& reply) {
    // Made by an earlier attempt whose answer was lost: the cache will show it.
    const bool made = reply.ok() || (reply.AlreadyExists() && reply.retried);
    if (!made) expectations_.Created(key, pod_key);
  };
  return action;
}

Action ReplicaSetController::DeletePod(const std::string& key, const ObjectPtr& set,
                                       const ObjectPtr& pod) {
  const std::string uid(Uid(*pod));
  expectations_.ExpectDeletion(key, uid, context().loop.now());
  Action action;
  action.request = DeleteObject(Pods(), Namespace(*pod), Name(*pod), {.uid = uid});
  action.tolerated = {404};
  action.on_success =
      Note(set, "SuccessfulDelete", absl::StrCat("Deleted pod: ", std::string(Name(*pod))), false);
  action.on_failure = Note(set, "FailedDelete", "Error deleting: ", true);
  action.after = [this, key, uid](const ApiReply& reply) {
    if (!reply.ok()) expectations_.Deleted(key, uid);
  };
  return action;
}

void ReplicaSetController::WriteStatus(const ReplicaSetView& view, PlanResult managed,
                                       const std::string& failure_reason, SyncDone done) {
  const bool tell = !managed.ok && !managed.quiet;
  const Json status = ReplicaSetStatus(view, tell ? failure_reason : "", tell ? managed.error : "");
  Plan plan;
  if (!SemanticEqual(At(*view.set, "status"), status)) {
    Json set = *view.set;
    set["status"] = status;
    Action action;
    action.request = UpdateSubresource(ReplicaSets(), std::move(set), "status");
    action.tolerated = {404};
    plan.actions.push_back(std::move(action));
  }
  RunPlan(context().client, context().events, std::move(plan),
          [managed = std::move(managed), done = std::move(done)](PlanResult written) mutable {
            done(managed.ok ? std::move(written) : std::move(managed), absl::InfiniteDuration());
          });
}

}  // namespace pintle::client::controllers

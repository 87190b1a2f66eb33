#include "client/controllers/garbage_reconcile.h"

#include <utility>

namespace pintle::client::controllers {
namespace {

Action Delete(const Dependent& item, std::string policy) {
  Action action;
  action.request = DeleteObject(
      item.type, Namespace(*item.object), Name(*item.object),
      {.uid = std::string(Uid(*item.object)), .propagation_policy = std::move(policy)});
  action.tolerated = {404, 409};
  return action;
}

Action DropOwners(const Dependent& item, const std::vector<std::string>& uids) {
  Json references = Json::array();
  for (const std::string& uid : uids) references.push_back({{"$patch", "delete"}, {"uid", uid}});
  Action action;
  action.request = PatchObject(
      item.type, Namespace(*item.object), Name(*item.object), PatchType::kStrategicMerge,
      {{"metadata",
        {{"uid", std::string(Uid(*item.object))}, {"ownerReferences", std::move(references)}}}});
  action.tolerated = {404};
  return action;
}

}  // namespace

Plan CollectDependent(const Dependent& item, const std::vector<OwnerState>& owners,
                      bool has_dependents) {
  const Json& references = Array(*item.object, "metadata.ownerReferences");
  std::vector<std::string> not_solid;
  bool any_solid = false;
  bool any_waiting = false;
  for (size_t i = 0; i < owners.size() && i < references.size(); ++i) {
    if (owners[i] == OwnerState::kSolid) {
      any_solid = true;
    } else {
      not_solid.emplace_back(Str(references[i], "uid"));
    }
    any_waiting |= owners[i] == OwnerState::kWaiting;
  }
  Plan plan;
  if (owners.empty() || not_solid.empty()) return plan;
  if (any_solid) {
    plan.actions.push_back(DropOwners(item, not_solid));
  } else if (any_waiting && has_dependents) {
    plan.actions.push_back(Delete(item, "Foreground"));
  } else if (HasFinalizer(*item.object, kOrphanFinalizer)) {
    plan.actions.push_back(Delete(item, "Orphan"));
  } else if (HasFinalizer(*item.object, kForegroundFinalizer)) {
    plan.actions.push_back(Delete(item, "Foreground"));
  } else {
    plan.actions.push_back(Delete(item, "Background"));
  }
  return plan;
}

bool Blocks(const Json& dependent, std::string_view owner_uid) {
  for (const Json& owner : Array(dependent, "metadata.ownerReferences")) {
    if (Str(owner, "uid") == owner_uid && Bool(owner, "blockOwnerDeletion")) return true;
  }
  return false;
}

Plan ReleaseFinalizer(const Dependent& item, std::string_view finalizer) {
  Json kept = Json::array();
  for (const Json& known : Array(*item.object, "metadata.finalizers")) {
    if (known != finalizer) kept.push_back(known);
  }
  Json finalizers = kept.empty() ? Json() : std::move(kept);
  Plan plan;
  Action action;
  action.request = PatchObject(
      item.type, Namespace(*item.object), Name(*item.object), PatchType::kMerge,
      {{"metadata",
        {{"resourceVersion", std::string(Str(*item.object, "metadata.resourceVersion"))},
         {"finalizers", std::move(finalizers)}}}});
  action.tolerated = {404};
  plan.actions.push_back(std::move(action));
  return plan;
}

Plan OrphanDependents(const Dependent& owner, const std::vector<Dependent>& dependents) {
  Plan plan;
  for (const Dependent& dependent : dependents) {
    plan.actions.push_back(DropOwners(dependent, {std::string(Uid(*owner.object))}));
  }
  for (Action& action : ReleaseFinalizer(owner, kOrphanFinalizer).actions) {
    plan.actions.push_back(std::move(action));
  }
  return plan;
}

}  // namespace pintle::client::controllers

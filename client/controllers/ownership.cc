#include "client/controllers/ownership.h"

#include "client/selectors.h"

namespace pintle::client::controllers {
namespace {

Action Patch(const ResourceType& type, const Json& object, Json owner_reference) {
  Json patch{{"metadata",
              {{"uid", std::string(Uid(object))},
               {"ownerReferences", Json::array({std::move(owner_reference)})}}}};
  Action action;
  action.request = PatchObject(type, Namespace(object), Name(object), PatchType::kStrategicMerge,
                               std::move(patch));
  // Gone, or another object by now, or changed in a way that the next look will see.
  action.tolerated = {404, 409, 422};
  return action;
}

}  // namespace

Claims ClaimObjects(const ResourceType& owner_type, const Json& owner, const ResourceType& type,
                    const std::vector<ObjectPtr>& candidates) {
  Claims claims;
  const std::string uid(Uid(owner));
  const Json& selector = At(owner, "spec.selector");
  for (const ObjectPtr& object : candidates) {
    const bool matches = MatchesLabelSelector(selector, At(*object, "metadata.labels"));
    const Json& controller = ControllerRef(*object);
    if (!controller.is_null()) {
      if (Str(controller, "uid") != uid) continue;
      if (matches) {
        claims.owned.push_back(object);
      } else if (!Deleting(owner)) {
        claims.changes.push_back(Patch(type, *object, {{"$patch", "delete"}, {"uid", uid}}));
      }
      continue;
    }
    if (!matches || IsEmptySelector(selector) || Deleting(owner) || Deleting(*object)) continue;
    claims.changes.push_back(
        Patch(type, *object, MakeControllerRef(owner_type.ApiVersion(), owner_type.kind, owner)));
  }
  return claims;
}

}  // namespace pintle::client::controllers

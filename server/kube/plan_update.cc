#include "server/kube/object_meta.h"
#include "server/kube/plans.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"
#include "server/kube/service_addresses.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

Result<Done> CheckResourceVersion(const UpdateInput& input, const Json& object,
                                  const Stored& stored) {
  const Resource& resource = *input.context.resource;
  const std::string version = StringAt(object, {"metadata", "resourceVersion"});
  if (version.empty() || version == "0") {
    if (resource.unconditional_update || input.is_patch) return Done{};
    return Invalid(resource, input.name,
                   {{FieldError::Type::kInvalid, "metadata.resourceVersion",
                     "Invalid value: 0x0: must be specified for an update"}});
  }
  if (version != StrCat(stored.mod_revision)) return ModifiedConflict(resource, input.name);
  return Done{};
}

// A PUT's uid is a precondition; a patch's is checked as an immutable field.
Result<Done> CheckUid(const UpdateInput& input, const Json& object, const Json& old) {
  const std::string uid = Uid(object);
  if (input.is_patch || uid.empty() || uid == Uid(old)) return Done{};
  const std::string key =
      StorageKey(*input.context.resource, {input.context.name_space, input.name});
  return Conflict(*input.context.resource, input.name,
                  StrCat("StorageError: invalid object, Code: 4, Key: ", key,
                         ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID "
                         "in precondition: ",
                         uid, ", UID in object meta: ", Uid(old)));
}

void Keep(Json& object, const Json& old, const char* name) {
  const auto found = old.find(name);
  if (found == old.end()) {
    object.erase(name);
  } else {
    object[name] = *found;
  }
}

// Each door lets one part through and keeps the rest as it is.
void KeepBehindDoor(const UpdateInput& input, Json& object, const Json& old) {
  const Resource& resource = *input.context.resource;
  switch (input.door) {
    case UpdateDoor::kMain:
      if (resource.has_status) Keep(object, old, "status");
      resource.prepare_for_update(object, old);
      break;
    case UpdateDoor::kStatus: {
      Json kept = old;
      Keep(kept, object, "status");
      kept["metadata"] = object["metadata"];
      Keep(kept["metadata"], old["metadata"], "ownerReferences");
      if (resource.has_generation) Keep(kept["metadata"], old["metadata"], "labels");
      object = std::move(kept);
      break;
    }
    case UpdateDoor::kFinalize: {
      Json kept = old;
      kept["spec"] = At(object, {"spec"}).is_object() ? object["spec"] : Json::object();
      object = std::move(kept);
      break;
    }
  }
}

Result<WritePlan> PlanWrite(const UpdateInput& input, const Stored& stored, Json object,
                            const kv::ReadView& view) {
  const PlanContext& context = input.context;
  WritePlan plan;
  if (ServiceAddresses::Concerns(*context.resource) && input.door == UpdateDoor::kMain)
    KUBE_RETURN_IF_ERROR(context.addresses->Allocate(view, object, &stored.object, plan.txn));
  SetResourceVersion(object, stored.mod_revision);
  // What changes nothing writes nothing, and no watcher hears of it: controllers come to rest.
  if (object == stored.object) {
    plan.txn = {};
    plan.object = std::move(object);
    return plan;
  }
  if (IsBeingDeleted(object) && NothingHoldsIt(object))
    return PlanRemoval(context, stored, std::move(object), view);
  std::string key = StorageKey(*context.resource, {context.name_space, input.name});
  plan.txn.guards.push_back({key, stored.mod_revision});
  plan.txn.puts.push_back({std::move(key), EncodeStored(object), context.lease});
  plan.object = std::move(object);
  return plan;
}

}  // namespace

Result<WritePlan> PlanUpdate(const UpdateInput& input, const kv::ReadView& view) {
  const Resource& resource = *input.context.resource;
  KUBE_ASSIGN_OR_RETURN(std::optional<Stored> stored,
                        ReadObject(view, resource, {input.context.name_space, input.name}));
  if (!stored) {
    if (!input.create_when_absent.is_null())
      return PlanCreate(input.context, input.create_when_absent, view);
    return NotFound(resource, input.name);
  }
  const Json& old = stored->object;
  KUBE_ASSIGN_OR_RETURN(Json object, input.change(old));
  if (Name(object) != input.name)
    return BadRequest(StrCat("the name of the object (", Name(object),
                             ") does not match the name on the URL (", input.name, ")"));
  KUBE_RETURN_IF_ERROR(CheckUid(input, object, old));
  KUBE_RETURN_IF_ERROR(CheckResourceVersion(input, object, *stored));
  KeepBehindDoor(input, object, old);

  FieldErrors errors;
  PrepareMetaForUpdate(resource, object, old, errors);
  ValidateObjectMeta(object, resource, errors);
  resource.validate(object, &old, errors);
  if (!errors.empty()) return Invalid(resource, input.name, errors);
  return PlanWrite(input, *stored, std::move(object), view);
}

Result<WritePlan> PlanRemoval(const PlanContext& context, const Stored& stored, Json answer,
                              const kv::ReadView& view) {
  const Resource& resource = *context.resource;
  WritePlan plan;
  std::string key = StorageKey(resource, {context.name_space, Name(stored.object)});
  plan.txn.guards.push_back({key, stored.mod_revision});
  plan.txn.deletes.push_back(std::move(key));
  if (ServiceAddresses::Concerns(resource))
    KUBE_RETURN_IF_ERROR(context.addresses->Release(view, stored.object, plan.txn));
  plan.object = std::move(answer);
  plan.sets_resource_version = plan.object.value("kind", "") != "Status";
  return plan;
}

}  // namespace pintle::server::kube

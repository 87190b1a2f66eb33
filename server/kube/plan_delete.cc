#include <algorithm>

#include "server/kube/object_meta.h"
#include "server/kube/plans.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";

bool IsNamespace(const Resource& resource) {
  return resource.group.empty() && resource.plural == "namespaces";
}

// Worded with the kind, unlike a conflict of writing.
StatusError PreconditionFailed(const Resource& resource, std::string_view name,
                               std::string_view why) {
  StatusError error = Conflict(resource, name, why);
  error.message = StrCat("Operation cannot be fulfilled on ", resource.kind,
                         resource.group.empty() ? "" : StrCat(".", resource.group), " ",
                         Quoted(name), ": ", why);
  error.details["kind"] = resource.kind;
  return error;
}

Result<Done> CheckPreconditions(const DeleteInput& input, const Stored& stored) {
  const DeleteOptions& options = input.options;
  const std::string uid = Uid(stored.object);
  if (!options.uid_precondition.empty() && options.uid_precondition != uid)
    return PreconditionFailed(*input.context.resource, input.name,
                              StrCat("the UID in the precondition (", options.uid_precondition,
                                     ") does not match the UID in record (", uid,
                                     "). The object might have been deleted and then recreated"));
  const std::string version = StrCat(stored.mod_revision);
  if (!options.resource_version_precondition.empty() &&
      options.resource_version_precondition != version)
    return PreconditionFailed(
        *input.context.resource, input.name,
        StrCat("the ResourceVersion in the precondition (", options.resource_version_precondition,
               ") does not match the ResourceVersion in record (", version,
               "). The object might have been modified"));
  return Done{};
}

// What the garbage collector will be asked to do is written down as a finalizer.
void ApplyPropagation(Json& object, Propagation propagation) {
  if (propagation == Propagation::kUnspecified) return;
  Json finalizers = Json::array();
  for (const Json& each : At(object, {"metadata", "finalizers"})) {
    if (each != kOrphan && each != kForeground) finalizers.push_back(each);
  }
  if (propagation == Propagation::kOrphan) finalizers.push_back(kOrphan);
  if (propagation == Propagation::kForeground) finalizers.push_back(kForeground);
  if (finalizers.empty()) {
    object["metadata"].erase("finalizers");
  } else {
    object["metadata"]["finalizers"] = std::move(finalizers);
  }
}

// Seconds that the object's own keeper has to finish it; 0: it may go at once.
int64_t GraceOf(const DeleteInput& input, const Json& object) {
  if (!input.context.resource->graceful_deletion) return 0;
  const std::string phase = StringAt(object, {"status", "phase"});
  if (StringAt(object, {"spec", "nodeName"}).empty() || phase == "Succeeded" || phase == "Failed")
    return 0;
  const int64_t own = IntAt(object, {"spec", "terminationGracePeriodSeconds"});
  return std::max<int64_t>(0, input.options.grace_period_seconds.value_or(own));
}

// First deletion: sets the deletion fields. True when it may be removed at once.
bool BeginDeletion(const DeleteInput& input, Json& object) {
  const int64_t grace = GraceOf(input, object);
  ApplyPropagation(object, input.options.propagation);
  if (IsNamespace(*input.context.resource)) object["status"]["phase"] = "Terminating";
  MarkDeleted(object, input.context.now + absl::Seconds(grace), grace);
  const int64_t generation = IntAt(object, {"metadata", "generation"});
  if (generation > 0) object["metadata"]["generation"] = generation + 1;
  return NothingHoldsIt(object);
}

// Deletion is under way already: a shorter grace shortens it, anything else changes nothing.
bool ContinueDeletion(const DeleteInput& input, Json& object) {
  const std::optional<int64_t> asked = input.options.grace_period_seconds;
  const int64_t left = GracePeriod(object);
  if (input.context.resource->graceful_deletion && asked && *asked < left) {
    const int64_t grace = std::max<int64_t>(0, *asked);
    absl::Time until;
    if (!absl::ParseTime(absl::RFC3339_full, StringAt(object, {"metadata", "deletionTimestamp"}),
                         &until, nullptr))
      until = input.context.now + absl::Seconds(left);
    MarkDeleted(object, until - absl::Seconds(left - grace), grace);
  }
  return NothingHoldsIt(object);
}

}  // namespace

Result<WritePlan> PlanDelete(const DeleteInput& input, const kv::ReadView& view) {
  const Resource& resource = *input.context.resource;
  if (IsNamespace(resource) &&
      (input.name == "default" || input.name == "kube-system" || input.name == "kube-public"))
    return Forbidden(resource, input.name, "this namespace may not be deleted");
  KUBE_ASSIGN_OR_RETURN(std::optional<Stored> stored,
                        ReadObject(view, resource, {input.context.name_space, input.name}));
  if (!stored) return NotFound(resource, input.name);
  KUBE_RETURN_IF_ERROR(CheckPreconditions(input, *stored));

  Json object = stored->object;
  const bool gone =
      IsBeingDeleted(object) ? ContinueDeletion(input, object) : BeginDeletion(input, object);
  if (gone) {
    // Pods are answered with themselves also when they are gone at once.
    Json answer = resource.graceful_deletion
                      ? std::move(object)
                      : SuccessStatus(DetailsOf(resource, input.name, Uid(stored->object)), 0);
    return PlanRemoval(input.context, *stored, std::move(answer), view);
  }
  WritePlan plan;
  if (object == stored->object) {
    plan.object = std::move(object);
    return plan;
  }
  std::string key = StorageKey(resource, {input.context.name_space, input.name});
  plan.txn.guards.push_back({key, stored->mod_revision});
  plan.txn.puts.push_back({std::move(key), EncodeStored(object), input.context.lease});
  plan.object = std::move(object);
  return plan;
}

}  // namespace pintle::server::kube

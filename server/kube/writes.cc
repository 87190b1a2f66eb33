// Create, update and patch: from the request to a plan, and from the plan's outcome to the answer.
#include <utility>

#include "server/kube/call.h"
#include "server/kube/object_body.h"
#include "server/kube/object_meta.h"
#include "server/kube/patch.h"
#include "server/kube/plans.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/table.h"
#include "server/kube/text.h"
#include "server/kube/with_lease.h"

namespace pintle::server::kube {
namespace {

// A write that names no resourceVersion is planned anew when another came first, as upstream's
// GuaranteedUpdate does; this only ends what would never end.
constexpr int kMostConflicts = 1000;

UpdateDoor DoorOf(const Call& call) {
  if (call.info.subresource_name() == "status") return UpdateDoor::kStatus;
  if (call.info.subresource_name() == "finalize") return UpdateDoor::kFinalize;
  return UpdateDoor::kMain;
}

// The URL says where; the object may repeat it.
Result<Done> SettlePlace(const Call& call, Json& object) {
  const Resource& resource = call.resource();
  Json& metadata = object["metadata"];
  if (!resource.namespaced) {
    metadata.erase("namespace");
    return Done{};
  }
  const std::string own = StringAt(object, {"metadata", "namespace"});
  if (!own.empty() && own != call.info.name_space)
    return BadRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  metadata["namespace"] = call.info.name_space;
  return Done{};
}

Result<Json> DecodeRequestObject(Call& call, FieldValidation validation) {
  StrictProblems problems;
  KUBE_ASSIGN_OR_RETURN(Json body, ParseBody(call.request, &problems));
  KUBE_ASSIGN_OR_RETURN(
      Json object, DecodeAs(TypeOf(call.resource(), call.face.schema), std::move(body), validation,
                            std::move(problems), call.reply.warnings));
  call.resource().set_defaults(object);
  KUBE_RETURN_IF_ERROR(SettlePlace(call, object));
  return object;
}

Planner CreatePlanner(const Call& call, Json object, kv::LeaseId lease) {
  return [context = ContextOf(call, lease), object = std::move(object)](const kv::ReadView& view) {
    return PlanCreate(context, object, view);
  };
}

// The lease first, where the kind expires; then the loop; then the answer.
template <typename MakePlanner>
void Write(CallPtr call, WriteOptions options, MakePlanner make_planner) {
  WithLease(call, options.dry_run,
            [call, options, make_planner = std::move(make_planner)](kv::LeaseId lease) mutable {
              RunWrite(
                  call->face.member, call->reply.exchange, options, make_planner(lease),
                  [call](Result<WritePlan> outcome) { SendWritten(*call, std::move(outcome)); });
            });
}

Result<Json> CheckPutObject(const Call& call, Json object) {
  const std::string name = Name(object);
  if (name.empty()) {
    object["metadata"]["name"] = call.info.name;
  } else if (name != call.info.name) {
    return BadRequest(StrCat("the name of the object (", name,
                             ") does not match the name on the URL (", call.info.name, ")"));
  }
  return object;
}

struct PatchInput {
  PatchType type = PatchType::kMerge;
  Json document;
  FieldValidation validation = FieldValidation::kWarn;
  ExpectedType expected;
  const Resource* resource = nullptr;
  std::shared_ptr<std::vector<std::string>> warnings;
};

Result<Json> PatchObject(const PatchInput& input, const Json& old) {
  KUBE_ASSIGN_OR_RETURN(Json patched,
                        ApplyPatch(input.type, old, input.document, input.expected.definition));
  input.warnings->clear();  // this attempt's count, not an earlier one's
  KUBE_ASSIGN_OR_RETURN(Json object, DecodeAs(input.expected, std::move(patched), input.validation,
                                              StrictProblems(), *input.warnings));
  input.resource->set_defaults(object);
  if (At(object, {"metadata", "namespace"}) != At(old, {"metadata", "namespace"}))
    return BadRequest(
        "the namespace of the provided object does not match the namespace sent on "
        "the request");
  return object;
}

// Server-side apply without field ownership: docs/decisions/0006-kube-writes.md.
Result<Json> CheckApply(const Call& call, const CommonWriteOptions& options, Json document) {
  if (options.field_manager.empty())
    return InvalidKind("meta.k8s.io", "PatchOptions", "",
                       {{FieldError::Type::kRequired, "fieldManager",
                         "Required value: is required for apply patch"}});
  if (!document.is_object()) return BadRequest("error decoding YAML: an object is expected");
  if (!At(document, {"metadata", "managedFields"}).is_null() &&
      !At(document, {"metadata", "managedFields"}).empty())
    return BadRequest("metadata.managedFields must be nil");
  const std::string version = StringAt(document, {"apiVersion"});
  if (version != call.resource().group_version())
    return BadRequest(
        StrCat("Incorrect version specified in apply patch. Specified patch version: ", version,
               ", expected: ", call.resource().group_version()));
  return document;
}

Result<PatchInput> MakePatchInput(Call& call, const CommonWriteOptions& options) {
  PatchInput input;
  KUBE_ASSIGN_OR_RETURN(input.type, FindPatchType(call.request.headers.Get("content-type")));
  if (input.type == PatchType::kApply) {
    KUBE_ASSIGN_OR_RETURN(Json document, ParseYaml(call.request.body));
    KUBE_ASSIGN_OR_RETURN(input.document, CheckApply(call, options, std::move(document)));
  } else {
    if (call.info.query.Has("force"))
      return InvalidKind("meta.k8s.io", "PatchOptions", "",
                         {{FieldError::Type::kForbidden, "force",
                           "Forbidden: may not be specified for non-apply patch"}});
    absl::StatusOr<Json> parsed = ParseJsonBody(call.request.body, nullptr);
    if (!parsed.ok())
      return BadRequest(StrCat("error decoding patch: ", std::string(parsed.status().message())));
    input.document = *std::move(parsed);
  }
  input.validation = options.field_validation;
  input.expected = TypeOf(call.resource(), call.face.schema);
  input.resource = &call.resource();
  input.warnings = std::make_shared<std::vector<std::string>>();
  return input;
}

// What apply creates when there is nothing yet; null for the other patches.
Result<Json> ApplyAsCreate(Call& call, const PatchInput& input) {
  if (input.type != PatchType::kApply || call.info.subresource != nullptr) return Json();
  KUBE_ASSIGN_OR_RETURN(Json merged, ApplyPatch(input.type, Json::object(), input.document,
                                                input.expected.definition));
  KUBE_ASSIGN_OR_RETURN(Json object, DecodeAs(input.expected, std::move(merged), input.validation,
                                              StrictProblems(), *input.warnings));
  object["metadata"]["name"] = call.info.name;
  call.resource().set_defaults(object);
  KUBE_RETURN_IF_ERROR(SettlePlace(call, object));
  return object;
}

Result<Done> StartCreate(const CallPtr& call) {
  KUBE_ASSIGN_OR_RETURN(CommonWriteOptions options,
                        ParseWriteOptions("CreateOptions", call->info.query));
  KUBE_ASSIGN_OR_RETURN(Json object, DecodeRequestObject(*call, options.field_validation));
  if (!StringAt(object, {"metadata", "resourceVersion"}).empty())
    return BadRequest("resourceVersion should not be set on objects to be created");
  Write(call, {options.dry_run, kMostConflicts},
        [call, object = std::move(object)](kv::LeaseId lease) {
          return CreatePlanner(*call, object, lease);
        });
  return Done{};
}

Result<Done> StartUpdate(const CallPtr& call) {
  KUBE_ASSIGN_OR_RETURN(CommonWriteOptions options,
                        ParseWriteOptions("UpdateOptions", call->info.query));
  KUBE_ASSIGN_OR_RETURN(Json decoded, DecodeRequestObject(*call, options.field_validation));
  KUBE_ASSIGN_OR_RETURN(Json object, CheckPutObject(*call, std::move(decoded)));
  UpdateInput input;
  input.door = DoorOf(*call);
  input.name = call->info.name;
  input.change = [object](const Json&) -> Result<Json> { return object; };
  // Who names a version means an object that is there: a late writer must not bring it back.
  const std::string version = StringAt(object, {"metadata", "resourceVersion"});
  if (call->resource().create_on_update && input.door == UpdateDoor::kMain &&
      (version.empty() || version == "0"))
    input.create_when_absent = std::move(object);
  Write(call, {options.dry_run, kMostConflicts},
        [call, input = std::move(input)](kv::LeaseId lease) mutable -> Planner {
          input.context = ContextOf(*call, lease);
          return [input = std::move(input)](const kv::ReadView& view) {
            return PlanUpdate(input, view);
          };
        });
  return Done{};
}

Result<Done> StartPatch(const CallPtr& call) {
  KUBE_ASSIGN_OR_RETURN(CommonWriteOptions options,
                        ParseWriteOptions("PatchOptions", call->info.query));
  KUBE_ASSIGN_OR_RETURN(PatchInput patch, MakePatchInput(*call, options));
  UpdateInput input;
  input.door = DoorOf(*call);
  input.name = call->info.name;
  input.is_patch = true;
  KUBE_ASSIGN_OR_RETURN(input.create_when_absent, ApplyAsCreate(*call, patch));
  const std::shared_ptr<std::vector<std::string>> warnings = patch.warnings;
  input.change = [patch = std::move(patch)](const Json& old) { return PatchObject(patch, old); };
  WithLease(call, options.dry_run,
            [call, options, input = std::move(input), warnings](kv::LeaseId lease) mutable {
              input.context = ContextOf(*call, lease);
              RunWrite(
                  call->face.member, call->reply.exchange, {options.dry_run, kMostConflicts},
                  [input = std::move(input)](const kv::ReadView& view) {
                    return PlanUpdate(input, view);
                  },
                  [call, warnings](Result<WritePlan> outcome) {
                    call->reply.warnings = *warnings;
                    SendWritten(*call, std::move(outcome));
                  });
            });
  return Done{};
}

}  // namespace

void HandleCreate(CallPtr call) {
  if (Result<Done> started = StartCreate(call); !started.ok())
    call->reply.SendError(started.error());
}

void HandleUpdate(CallPtr call) {
  if (Result<Done> started = StartUpdate(call); !started.ok())
    call->reply.SendError(started.error());
}

void HandlePatch(CallPtr call) {
  if (Result<Done> started = StartPatch(call); !started.ok())
    call->reply.SendError(started.error());
}

}  // namespace pintle::server::kube

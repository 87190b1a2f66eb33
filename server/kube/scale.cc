// The scale subresource: an autoscaling/v1 Scale as a window on spec.replicas (kube-api §13).
#include <utility>

#include "server/kube/call.h"
#include "server/kube/list_options.h"
#include "server/kube/object_body.h"
#include "server/kube/object_meta.h"
#include "server/kube/patch.h"
#include "server/kube/plans.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"
#include "server/kube/text.h"
#include "server/kube/with_lease.h"

namespace pintle::server::kube {
namespace {

constexpr int kConflictsOfScale = 5;

Json ScaleOf(const Json& object) {
  Json metadata = Json::object();
  for (const char* name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    const Json& value = At(object, {"metadata", name});
    if (!value.is_null()) metadata[name] = value;
  }
  Json spec = Json::object();
  const int64_t replicas = IntAt(object, {"spec", "replicas"});
  if (replicas != 0) spec["replicas"] = replicas;
  Json status = {{"replicas", IntAt(object, {"status", "replicas"})}};
  const std::string selector = FormatLabelSelector(At(object, {"spec", "selector"}));
  if (!selector.empty()) status["selector"] = selector;
  return {{"kind", "Scale"},
          {"apiVersion", "autoscaling/v1"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)},
          {"status", std::move(status)}};
}

ExpectedType ScaleType(const Schema& schema) {
  return {"autoscaling", "v1", "Scale", schema.FindByKind("autoscaling", "v1", "Scale")};
}

// `old` with the replicas, and the precondition, that `scale` asks for.
Result<Json> ApplyScale(const Json& scale, const Json& old) {
  const std::string name = Name(old);
  if (!Name(scale).empty() && Name(scale) != name)
    return BadRequest(StrCat("the name of the object (", Name(scale),
                             ") does not match the name on the URL (", name, ")"));
  const int64_t replicas = IntAt(scale, {"spec", "replicas"});
  if (replicas < 0) {
    FieldErrors errors;
    AddInvalid(errors, "spec.replicas", replicas, "must be greater than or equal to 0");
    return InvalidKind("autoscaling", "Scale", name, errors);
  }
  Json object = old;
  object["spec"]["replicas"] = replicas;
  object["metadata"]["resourceVersion"] = StringAt(scale, {"metadata", "resourceVersion"});
  if (const std::string uid = Uid(scale); !uid.empty()) object["metadata"]["uid"] = uid;
  return object;
}

Result<Done> StartScale(const CallPtr& call) {
  const bool patch = call->info.verb == Verb::kPatch;
  KUBE_ASSIGN_OR_RETURN(
      CommonWriteOptions options,
      ParseWriteOptions(patch ? "PatchOptions" : "UpdateOptions", call->info.query));
  const ExpectedType type = ScaleType(call->face.schema);
  UpdateInput input;
  input.context = ContextOf(*call, kv::LeaseId());
  input.name = call->info.name;
  input.is_patch = patch;
  if (patch) {
    KUBE_ASSIGN_OR_RETURN(PatchType patch_type,
                          FindPatchType(call->request.headers.Get("content-type")));
    if (patch_type == PatchType::kApply) return UnsupportedMediaType("415: Unsupported Media Type");
    absl::StatusOr<Json> document = ParseJsonBody(call->request.body, nullptr);
    if (!document.ok())
      return BadRequest(StrCat("error decoding patch: ", std::string(document.status().message())));
    input.change = [type, patch_type, options,
                    document = *std::move(document)](const Json& old) -> Result<Json> {
      std::vector<std::string> warnings;
      KUBE_ASSIGN_OR_RETURN(Json patched,
                            ApplyPatch(patch_type, ScaleOf(old), document, type.definition));
      KUBE_ASSIGN_OR_RETURN(Json scale, DecodeAs(type, std::move(patched), options.field_validation,
                                                 StrictProblems(), warnings));
      return ApplyScale(scale, old);
    };
  } else {
    StrictProblems problems;
    KUBE_ASSIGN_OR_RETURN(Json body, ParseBody(call->request, &problems));
    KUBE_ASSIGN_OR_RETURN(Json scale, DecodeAs(type, std::move(body), options.field_validation,
                                               std::move(problems), call->reply.warnings));
    input.change = [scale = std::move(scale)](const Json& old) { return ApplyScale(scale, old); };
  }
  RunWrite(
      call->face.member, call->reply.exchange, {options.dry_run, kConflictsOfScale},
      [input = std::move(input)](const kv::ReadView& view) { return PlanUpdate(input, view); },
      [call](Result<WritePlan> outcome) {
        if (!outcome.ok()) return call->reply.SendError(outcome.error());
        call->reply.Send(200, ScaleOf(outcome->object));
      });
  return Done{};
}

}  // namespace

void HandleScaleGet(CallPtr call) {
  WithView(call, /*newest_local=*/false, [call](const absl::StatusOr<ViewPtr>& view) {
    if (!view.ok()) return call->reply.SendError(FromMember(view.status(), false));
    Result<std::optional<Stored>> stored =
        ReadObject(**view, call->resource(), {call->info.name_space, call->info.name});
    if (!stored.ok()) return call->reply.SendError(stored.error());
    if (!*stored) return call->reply.SendError(NotFound(call->resource(), call->info.name));
    call->reply.Send(200, ScaleOf((*stored)->object));
  });
}

void HandleScaleWrite(CallPtr call) {
  if (Result<Done> started = StartScale(call); !started.ok())
    call->reply.SendError(started.error());
}

}  // namespace pintle::server::kube

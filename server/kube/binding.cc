// pods/binding: a scheduler's word on where a pod runs. Once only: whoever comes second is refused.
#include <utility>

#include "server/kube/call.h"
#include "server/kube/object_body.h"
#include "server/kube/object_meta.h"
#include "server/kube/openapi/scalars.h"
#include "server/kube/plans.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"
#include "server/kube/with_lease.h"

namespace pintle::server::kube {
namespace {

constexpr int kConflictsOfBinding = 20;

Result<Done> CheckBinding(const Call& call, const Json& binding) {
  if (!Name(binding).empty() && Name(binding) != call.info.name)
    return BadRequest("name in URL does not match name in Binding object");
  FieldErrors errors;
  const std::string kind = StringAt(binding, {"target", "kind"});
  if (!kind.empty() && kind != "Node")
    AddNotSupported(errors, "target.kind", kind, {"Node", "<empty>"});
  if (StringAt(binding, {"target", "name"}).empty()) AddRequired(errors, "target.name");
  if (!errors.empty()) return InvalidKind("", "Binding", call.info.name, errors);
  return Done{};
}

StatusError BindingConflict(const Resource& pods, std::string_view name, std::string_view why) {
  StatusError error = Conflict(pods, name, why);
  error.message = StrCat("Operation cannot be fulfilled on pods/binding ", Quoted(name), ": ", why);
  error.details["kind"] = "pods/binding";
  return error;
}

void SetScheduled(Json& pod, absl::Time now) {
  Json& status = pod["status"];
  if (!status.is_object()) status = Json::object();
  Json& conditions = status["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json condition = {
      {"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", Rfc3339Seconds(now)}};
  for (Json& each : conditions) {
    if (StringAt(each, {"type"}) != "PodScheduled") continue;
    if (StringAt(each, {"status"}) != "True") each = std::move(condition);
    return;
  }
  conditions.push_back(std::move(condition));
}

Result<WritePlan> PlanBinding(const PlanContext& context, const std::string& name,
                              const Json& binding, const kv::ReadView& view) {
  const Resource& pods = *context.resource;
  const ObjectKey where{context.name_space, name};
  KUBE_ASSIGN_OR_RETURN(std::optional<Stored> stored, ReadObject(view, pods, where));
  if (!stored) return NotFound(pods, name);
  Json pod = stored->object;
  const std::string uid = Uid(binding);
  if (!uid.empty() && uid != Uid(pod))
    return BindingConflict(pods, name,
                           StrCat("Precondition failed: UID in precondition: ", uid,
                                  ", UID in object meta: ", Uid(pod)));
  if (IsBeingDeleted(pod))
    return BindingConflict(pods, name,
                           StrCat("pod ", name, " is being deleted, cannot be assigned to a host"));
  const std::string node = StringAt(pod, {"spec", "nodeName"});
  if (!node.empty())
    return BindingConflict(pods, name,
                           StrCat("pod ", name, " is already assigned to node ", Quoted(node)));
  pod["spec"]["nodeName"] = StringAt(binding, {"target", "name"});
  for (const auto& [key, value] : At(binding, {"metadata", "annotations"}).items())
    pod["metadata"]["annotations"][key] = value;
  SetScheduled(pod, context.now);

  WritePlan plan;
  std::string key = StorageKey(pods, where);
  plan.txn.guards.push_back({key, stored->mod_revision});
  plan.txn.puts.push_back({std::move(key), EncodeStored(pod), kv::LeaseId()});
  plan.object = SuccessStatus(Json(), 201);
  plan.sets_resource_version = false;
  plan.http_status = 201;
  return plan;
}

Result<Done> StartBinding(const CallPtr& call) {
  KUBE_ASSIGN_OR_RETURN(CommonWriteOptions options,
                        ParseWriteOptions("CreateOptions", call->info.query));
  StrictProblems problems;
  KUBE_ASSIGN_OR_RETURN(Json body, ParseBody(call->request, &problems));
  const ExpectedType type{"", "v1", "Binding", call->face.schema.FindByKind("", "v1", "Binding")};
  KUBE_ASSIGN_OR_RETURN(Json binding, DecodeAs(type, std::move(body), options.field_validation,
                                               std::move(problems), call->reply.warnings));
  KUBE_RETURN_IF_ERROR(CheckBinding(*call, binding));
  RunWrite(
      call->face.member, call->reply.exchange, {options.dry_run, kConflictsOfBinding},
      [context = ContextOf(*call, kv::LeaseId()), name = call->info.name,
       binding = std::move(binding)](const kv::ReadView& view) {
        return PlanBinding(context, name, binding, view);
      },
      [call](Result<WritePlan> outcome) { SendWritten(*call, std::move(outcome)); });
  return Done{};
}

}  // namespace

void HandleBinding(CallPtr call) {
  if (Result<Done> started = StartBinding(call); !started.ok())
    call->reply.SendError(started.error());
}

}  // namespace pintle::server::kube

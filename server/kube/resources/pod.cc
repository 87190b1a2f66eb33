#include "server/kube/resources/kinds.h"
#include "server/kube/resources/pod_row.h"
#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  Json& spec = MakeObject(object, "spec");
  SetPodSpecDefaults(spec);
  SetPodOnlyDefaults(spec);
  MakeObject(object, "status");
}

void PrepareForCreate(Json& object, absl::Time) {
  object["status"] = {{"phase", "Pending"}, {"qosClass", QosClass(At(object, {"spec"}))}};
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  ValidatePodSpec(spec, "spec", errors);
  if (old != nullptr) ValidatePodSpecUpdate(spec, At(*old, {"spec"}), errors);
}

Resource::FieldLabel SpecLabel(const char* name) {
  return {std::string("spec.") + name, [name](const Json& object) {
            return StringAt(object, {"spec", name});
          }};
}

Resource::FieldLabel StatusLabel(const char* name) {
  return {std::string("status.") + name, [name](const Json& object) {
            return StringAt(object, {"status", name});
          }};
}

std::string HostNetwork(const Json& object) {
  return At(object, {"spec", "hostNetwork"}) == true ? "true" : "false";
}

// All addresses, joined by commas.
std::string PodIps(const Json& object) {
  std::string text;
  for (const Json& ip : At(object, {"status", "podIPs"})) {
    if (!text.empty()) text += ",";
    text += StringAt(ip, {"ip"});
  }
  return text;
}

}  // namespace

Resource PodRow() {
  Resource row;
  row.version = "v1";
  row.plural = "pods";
  row.singular = "pod";
  row.kind = "Pod";
  row.short_names = {"po"};
  row.categories = {"all"};
  row.verbs = AllVerbs();
  row.subresources = {{"binding", "", "v1", "Binding", {"create"}}, StatusSubresource()};
  row.storage_prefix = "/registry/pods";
  row.definition = "io.k8s.api.core.v1.Pod";
  row.has_status = true;
  row.graceful_deletion = true;
  row.set_defaults = SetDefaults;
  row.prepare_for_create = PrepareForCreate;
  row.validate = Validate;
  row.columns = PodColumns();
  row.row = PodCells;
  row.field_labels = {SpecLabel("nodeName"),
                      SpecLabel("restartPolicy"),
                      SpecLabel("schedulerName"),
                      SpecLabel("serviceAccountName"),
                      {"spec.hostNetwork", HostNetwork},
                      StatusLabel("phase"),
                      StatusLabel("podIP"),
                      {"status.podIPs", PodIps},
                      StatusLabel("nominatedNodeName")};
  return row;
}

}  // namespace pintle::server::kube

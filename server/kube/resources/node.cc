#include <set>

#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  Json& spec = MakeObject(object, "spec");
  const std::string cidr = StringAt(spec, {"podCIDR"});
  const Json& cidrs = At(spec, {"podCIDRs"});
  if (!cidr.empty() && cidrs.empty()) {
    spec["podCIDRs"] = Json::array({cidr});
  } else if (cidr.empty() && !cidrs.empty()) {
    spec["podCIDR"] = cidrs[0];
  }
  Json& status = MakeObject(object, "status");
  if (status.contains("capacity")) {
    const Json capacity = status["capacity"];
    if (At(status, {"allocatable"}).empty()) status["allocatable"] = capacity;
  }
  SetDefault(MakeObject(MakeObject(status, "daemonEndpoints"), "kubeletEndpoint"), "Port", 0);
  Json& info = MakeObject(status, "nodeInfo");
  for (const char* name :
       {"machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion",
        "kubeletVersion", "kubeProxyVersion", "operatingSystem", "architecture"}) {
    SetDefault(info, name, "");
  }
}

void ValidateTaints(const Json& spec, FieldErrors& errors) {
  std::set<std::string> seen;
  const Json& taints = At(spec, {"taints"});
  for (size_t i = 0; i < taints.size(); ++i) {
    const std::string field = Indexed("metadata.taints", i);
    const std::string key = StringAt(taints[i], {"key"});
    const std::string effect = StringAt(taints[i], {"effect"});
    AddComplaints(errors, field + ".key", key, CheckQualifiedName(key));
    const std::string value = StringAt(taints[i], {"value"});
    if (!value.empty()) AddComplaints(errors, field + ".value", value, CheckLabelValue(value));
    if (effect.empty()) {
      AddRequired(errors, field + ".effect");
    } else if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute") {
      AddNotSupported(errors, field + ".effect", effect,
                      {"NoSchedule", "PreferNoSchedule", "NoExecute"});
    }
    if (!seen.insert(key + ":" + effect).second) {
      errors.push_back({FieldError::Type::kDuplicate, field,
                        "Duplicate value: {\"Key\":" + Json(key).dump() +
                            ",\"Effect\":" + Json(effect).dump() + "}"});
    }
  }
}

// Free to change: taints, cordoning; addresses and the provider's id once, from nothing.
void ValidateUpdate(const Json& spec, const Json& old_spec, FieldErrors& errors) {
  if (!At(old_spec, {"podCIDRs"}).empty() && At(spec, {"podCIDRs"}) != At(old_spec, {"podCIDRs"})) {
    AddForbidden(errors, "spec.podCIDRs",
                 "node updates may not change podCIDR except from \"\" to valid");
  } else if (!StringAt(old_spec, {"podCIDR"}).empty() &&
             At(spec, {"podCIDR"}) != At(old_spec, {"podCIDR"})) {
    AddForbidden(errors, "spec.podCIDR",
                 "node updates may not change podCIDR except from \"\" to valid");
  }
  if (!StringAt(old_spec, {"providerID"}).empty() &&
      At(spec, {"providerID"}) != At(old_spec, {"providerID"})) {
    AddForbidden(errors, "spec.providerID",
                 "node updates may not change providerID except from \"\" to valid");
  }
  Json allowed = old_spec.is_object() ? old_spec : Json::object();
  for (const char* name :
       {"podCIDR", "podCIDRs", "providerID", "taints", "unschedulable", "configSource"}) {
    allowed[name] = At(spec, {name});
  }
  if (!SemanticEqual(spec, allowed)) {
    AddForbidden(errors, "",
                 "node updates may only change labels, taints, or capacity (or configSource, if "
                 "the DynamicKubeletConfig feature gate is enabled)");
  }
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const Json& spec = At(object, {"spec"});
  ValidateTaints(spec, errors);
  if (old != nullptr) ValidateUpdate(spec, At(*old, {"spec"}), errors);
}

std::string Status(const Json& node) {
  std::string text = "Unknown";
  for (const Json& condition : At(node, {"status", "conditions"})) {
    if (StringAt(condition, {"type"}) != "Ready") continue;
    text = StringAt(condition, {"status"}) == "True" ? "Ready" : "NotReady";
  }
  if (At(node, {"spec", "unschedulable"}) == true) text += ",SchedulingDisabled";
  return text;
}

std::string Roles(const Json& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> roles;
  const Json& labels = At(node, {"metadata", "labels"});
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) {
        roles.insert(key.substr(kPrefix.size()));
      } else if (key == "kubernetes.io/role" && value != "") {
        roles.insert(value.get<std::string>());
      }
    }
  }
  std::string text;
  for (const std::string& role : roles) text += (text.empty() ? "" : ",") + role;
  return text.empty() ? "<none>" : text;
}

std::string Address(const Json& node, std::string_view type) {
  for (const Json& address : At(node, {"status", "addresses"})) {
    if (StringAt(address, {"type"}) == type) return StringAt(address, {"address"});
  }
  return "<none>";
}

std::string Info(const Json& node, std::string_view name) {
  const std::string text = StringAt(node, {"status", "nodeInfo", name});
  return text.empty() ? "<unknown>" : text;
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Status", "string", "", "Whether it takes pods.", 0},
          {"Roles", "string", "", "What it is used for, by its labels.", 0},
          AgeColumn(),
          {"Version", "string", "", "Version of its kubelet.", 0},
          WideColumn("Internal-IP", "string", "Its address within the cluster."),
          WideColumn("External-IP", "string", "Its address for clients outside."),
          WideColumn("OS-Image", "string", "Its operating system."),
          WideColumn("Kernel-Version", "string", "Its kernel."),
          WideColumn("Container-Runtime", "string", "What runs its containers.")};
}

std::vector<Json> Cells(const Json& node, absl::Time now) {
  return {StringAt(node, {"metadata", "name"}),
          Status(node),
          Roles(node),
          ObjectAge(node, now),
          StringAt(node, {"status", "nodeInfo", "kubeletVersion"}),
          Address(node, "InternalIP"),
          Address(node, "ExternalIP"),
          Info(node, "osImage"),
          Info(node, "kernelVersion"),
          Info(node, "containerRuntimeVersion")};
}

}  // namespace

Resource NodeRow() {
  Resource row;
  row.version = "v1";
  row.plural = "nodes";
  row.singular = "node";
  row.kind = "Node";
  row.short_names = {"no"};
  row.namespaced = false;
  row.verbs = AllVerbs();
  row.subresources = {StatusSubresource()};
  row.storage_prefix = "/registry/minions";
  row.definition = "io.k8s.api.core.v1.Node";
  row.has_status = true;
  row.set_defaults = SetDefaults;
  row.validate = Validate;
  row.columns = Columns();
  row.row = Cells;
  row.field_labels = {{"spec.unschedulable", [](const Json& object) {
                         return At(object, {"spec", "unschedulable"}) == true ? "true" : "false";
                       }}};
  return row;
}

}  // namespace pintle::server::kube

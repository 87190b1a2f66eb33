#include <cstdint>

#include "server/kube/resources/container_validation.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void ValidateVolumes(const Json& spec, const std::string& field, PodContext& pod,
                     FieldErrors& errors) {
  const Json& volumes = At(spec, {"volumes"});
  for (size_t i = 0; i < volumes.size(); ++i) {
    const std::string at = Indexed(field + ".volumes", i);
    const std::string name = StringAt(volumes[i], {"name"});
    if (name.empty()) {
      AddRequired(errors, at + ".name");
    } else {
      AddComplaints(errors, at + ".name", name, CheckDns1123Label(name));
      if (!pod.volume_names.insert(name).second) AddDuplicate(errors, at + ".name", name);
    }
    size_t sources = 0;
    for (const auto& [member, value] : volumes[i].items()) {
      if (member == "name") continue;
      if (++sources > 1) {
        AddForbidden(errors, at + "." + member, "may not specify more than 1 volume type");
      }
    }
  }
}

void ValidateToleration(const Json& toleration, const std::string& field, FieldErrors& errors) {
  const std::string key = StringAt(toleration, {"key"});
  const std::string op = StringAt(toleration, {"operator"});
  const std::string effect = StringAt(toleration, {"effect"});
  if (!key.empty()) AddComplaints(errors, field + ".key", key, CheckQualifiedName(key));
  if (key.empty() && op != "Exists") {
    AddInvalid(errors, field + ".operator", op,
               "operator must be Exists when `key` is empty, which means \"match all values and "
               "all keys\"");
  }
  if (!At(toleration, {"tolerationSeconds"}).is_null() && effect != "NoExecute") {
    AddInvalid(errors, field + ".effect", effect,
               "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  if (op == "Exists") {
    if (!StringAt(toleration, {"value"}).empty()) {
      AddInvalid(errors, field + ".operator", At(toleration, {"value"}),
                 "value must be empty when `operator` is 'Exists'");
    }
  } else if (!op.empty() && op != "Equal") {
    AddNotSupported(errors, field + ".operator", op, {"Equal", "Exists"});
  }
  if (!effect.empty() && effect != "NoSchedule" && effect != "PreferNoSchedule" &&
      effect != "NoExecute") {
    AddNotSupported(errors, field + ".effect", effect,
                    {"NoSchedule", "PreferNoSchedule", "NoExecute"});
  }
}

void ValidatePolicies(const Json& spec, const std::string& field, FieldErrors& errors) {
  const std::string restart = StringAt(spec, {"restartPolicy"});
  if (restart.empty()) {
    AddRequired(errors, field + ".restartPolicy");
  } else if (restart != "Always" && restart != "OnFailure" && restart != "Never") {
    AddNotSupported(errors, field + ".restartPolicy", restart, {"Always", "OnFailure", "Never"});
  }
  const std::string dns = StringAt(spec, {"dnsPolicy"});
  if (dns.empty()) {
    AddRequired(errors, field + ".dnsPolicy");
  } else if (dns != "ClusterFirst" && dns != "ClusterFirstWithHostNet" && dns != "Default" &&
             dns != "None") {
    AddNotSupported(errors, field + ".dnsPolicy", dns,
                    {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"});
  }
}

void ValidateScheduling(const Json& spec, const std::string& field, FieldErrors& errors) {
  ValidateLabels(At(spec, {"nodeSelector"}), field + ".nodeSelector", errors);
  const std::string node = StringAt(spec, {"nodeName"});
  if (!node.empty()) AddComplaints(errors, field + ".nodeName", node, CheckDns1123Subdomain(node));
  const std::string account = StringAt(spec, {"serviceAccountName"});
  if (!account.empty()) {
    AddComplaints(errors, field + ".serviceAccountName", account, CheckDns1123Subdomain(account));
  }
  const Json& tolerations = At(spec, {"tolerations"});
  for (size_t i = 0; i < tolerations.size(); ++i) {
    ValidateToleration(tolerations[i], Indexed(field + ".tolerations", i), errors);
  }
  const Json& constraints = At(spec, {"topologySpreadConstraints"});
  for (size_t i = 0; i < constraints.size(); ++i) {
    const std::string at = Indexed(field + ".topologySpreadConstraints", i);
    if (IntAt(constraints[i], {"maxSkew"}) <= 0) {
      AddInvalid(errors, at + ".maxSkew", At(constraints[i], {"maxSkew"}),
                 "must be greater than zero");
    }
    const std::string when = StringAt(constraints[i], {"whenUnsatisfiable"});
    if (when != "DoNotSchedule" && when != "ScheduleAnyway") {
      AddNotSupported(errors, at + ".whenUnsatisfiable", when, {"DoNotSchedule", "ScheduleAnyway"});
    }
  }
}

void ValidateTimes(const Json& spec, const std::string& field, FieldErrors& errors) {
  ValidateNonNegative(spec, "terminationGracePeriodSeconds", field, errors);
  const Json& deadline = At(spec, {"activeDeadlineSeconds"});
  if (deadline.is_number() && (deadline < 1 || deadline > 2147483647)) {
    AddInvalid(errors, field + ".activeDeadlineSeconds", deadline,
               "must be between 1 and 2147483647, inclusive");
  }
}

// The old list must be its beginning, but for how long each lasts.
bool OnlyAddsTolerations(const Json& tolerations, const Json& old) {
  for (const Json& before : old) {
    bool kept = false;
    for (Json after : tolerations) {
      after.erase("tolerationSeconds");
      Json bare = before;
      bare.erase("tolerationSeconds");
      kept = kept || SemanticEqual(after, bare);
    }
    if (!kept) return false;
  }
  return true;
}

void CopyImages(const Json& from, Json& to, const char* list) {
  const Json& sources = At(from, {list});
  const auto it = to.find(list);
  if (it == to.end() || it->size() != sources.size()) return;
  for (size_t i = 0; i < sources.size(); ++i) {
    (*it)[i]["image"] = At(sources[i], {"image"});
  }
}

}  // namespace

void ValidatePodSpec(const Json& spec, const std::string& field, FieldErrors& errors) {
  PodContext pod;
  pod.host_network = At(spec, {"hostNetwork"}) == true;
  ValidateVolumes(spec, field, pod, errors);
  const Json& containers = At(spec, {"containers"});
  if (containers.empty()) AddRequired(errors, field + ".containers");
  for (size_t i = 0; i < containers.size(); ++i) {
    ValidateContainer(containers[i], Indexed(field + ".containers", i), pod, errors);
  }
  // Init containers run one after the other: they may use the same host ports as the others.
  pod.host_ports.clear();
  const Json& init_containers = At(spec, {"initContainers"});
  for (size_t i = 0; i < init_containers.size(); ++i) {
    ValidateContainer(init_containers[i], Indexed(field + ".initContainers", i), pod, errors);
  }
  ValidatePolicies(spec, field, errors);
  ValidateScheduling(spec, field, errors);
  ValidateTimes(spec, field, errors);
}

void ValidatePodTemplate(const Json& pod_template, const std::string& field, FieldErrors& errors) {
  ValidateLabels(At(pod_template, {"metadata", "labels"}), field + ".metadata.labels", errors);
  ValidateAnnotations(At(pod_template, {"metadata", "annotations"}),
                      field + ".metadata.annotations", errors);
  ValidatePodSpec(At(pod_template, {"spec"}), field + ".spec", errors);
}

void ValidateOwnedTemplate(const Json& owner_spec, FieldErrors& errors) {
  const Json& selector = At(owner_spec, {"selector"});
  const Json& labels = At(owner_spec, {"template", "metadata", "labels"});
  if (!IsEmptySelector(selector) && !SelectorMatches(selector, labels)) {
    AddInvalid(errors, "spec.template.metadata.labels", labels.is_null() ? Json::object() : labels,
               "`selector` does not match template `labels`");
  }
  ValidatePodTemplate(At(owner_spec, {"template"}), "spec.template", errors);
  const std::string restart = StringAt(owner_spec, {"template", "spec", "restartPolicy"});
  if (restart == "OnFailure" || restart == "Never") {
    AddNotSupported(errors, "spec.template.spec.restartPolicy", restart, {"Always"});
  }
}

void ValidatePodSpecUpdate(const Json& spec, const Json& old_spec, FieldErrors& errors) {
  for (const char* list : {"containers", "initContainers"}) {
    if (At(spec, {list}).size() != At(old_spec, {list}).size()) {
      AddForbidden(errors, std::string("spec.") + list,
                   "pod updates may not add or remove containers");
      return;
    }
  }
  const Json& deadline = At(spec, {"activeDeadlineSeconds"});
  const Json& old_deadline = At(old_spec, {"activeDeadlineSeconds"});
  if (old_deadline.is_number() && (!deadline.is_number() || deadline > old_deadline)) {
    AddInvalid(errors, "spec.activeDeadlineSeconds", deadline,
               "must be less than or equal to previous value");
    return;
  }
  if (!OnlyAddsTolerations(At(spec, {"tolerations"}), At(old_spec, {"tolerations"}))) {
    AddForbidden(errors, "spec.tolerations",
                 "existing toleration can not be modified except its tolerationSeconds");
    return;
  }
  Json allowed = old_spec;
  CopyImages(spec, allowed, "containers");
  CopyImages(spec, allowed, "initContainers");
  allowed["activeDeadlineSeconds"] = deadline;
  allowed["tolerations"] = At(spec, {"tolerations"});
  if (!SemanticEqual(spec, allowed)) {
    AddForbidden(errors, "spec",
                 "pod updates may not change fields other than `spec.containers[*].image`, "
                 "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or "
                 "`spec.tolerations` (only additions to existing tolerations)");
  }
}

}  // namespace pintle::server::kube

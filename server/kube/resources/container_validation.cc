#include "server/kube/resources/container_validation.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/quantity.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void ValidatePort(const Json& port, const std::string& field, PodContext& pod,
                  FieldErrors& errors) {
  const std::string name = StringAt(port, {"name"});
  if (!name.empty()) AddComplaints(errors, field + ".name", name, CheckPortName(name));
  if (IntAt(port, {"containerPort"}) == 0) {
    AddRequired(errors, field + ".containerPort");
  } else {
    ValidatePortNumber(port["containerPort"], field + ".containerPort", errors);
  }
  const std::string protocol = StringAt(port, {"protocol"});
  if (protocol.empty()) {
    AddRequired(errors, field + ".protocol");
  } else if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
    AddNotSupported(errors, field + ".protocol", protocol, {"SCTP", "TCP", "UDP"});
  }
  const int64_t host_port = IntAt(port, {"hostPort"});
  if (host_port == 0) return;
  ValidatePortNumber(port["hostPort"], field + ".hostPort", errors);
  if (pod.host_network && host_port != IntAt(port, {"containerPort"})) {
    AddInvalid(errors, field + ".containerPort", At(port, {"containerPort"}),
               "must match `hostPort` when `hostNetwork` is true");
  }
  const std::string taken =
      protocol + "/" + StringAt(port, {"hostIP"}) + "/" + std::to_string(host_port);
  if (!pod.host_ports.insert(taken).second) AddDuplicate(errors, field + ".hostPort", taken);
}

void ValidatePorts(const Json& container, const std::string& field, PodContext& pod,
                   FieldErrors& errors) {
  std::set<std::string> names;
  const Json& ports = At(container, {"ports"});
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string at = Indexed(field + ".ports", i);
    ValidatePort(ports[i], at, pod, errors);
    const std::string name = StringAt(ports[i], {"name"});
    if (!name.empty() && !names.insert(name).second) AddDuplicate(errors, at + ".name", name);
  }
}

void ValidateEnv(const Json& container, const std::string& field, FieldErrors& errors) {
  const Json& env = At(container, {"env"});
  for (size_t i = 0; i < env.size(); ++i) {
    const std::string at = Indexed(field + ".env", i);
    const std::string name = StringAt(env[i], {"name"});
    if (name.empty()) {
      AddRequired(errors, at + ".name");
    } else {
      AddComplaints(errors, at + ".name", name, CheckEnvName(name));
    }
    const Json& source = At(env[i], {"valueFrom"});
    if (source.is_null()) continue;
    if (source.empty()) {
      AddInvalid(errors, at + ".valueFrom", "",
                 "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
                 "`secretKeyRef`");
    } else if (source.size() > 1) {
      AddInvalid(errors, at + ".valueFrom", "",
                 "may not have more than one field specified at a time");
    }
    if (!StringAt(env[i], {"value"}).empty()) {
      AddInvalid(errors, at + ".valueFrom", "", "may not be specified when `value` is not empty");
    }
  }
}

void ValidateMounts(const Json& container, const std::string& field, const PodContext& pod,
                    FieldErrors& errors) {
  std::set<std::string> paths;
  const Json& mounts = At(container, {"volumeMounts"});
  for (size_t i = 0; i < mounts.size(); ++i) {
    const std::string at = Indexed(field + ".volumeMounts", i);
    const std::string name = StringAt(mounts[i], {"name"});
    if (name.empty()) {
      AddRequired(errors, at + ".name");
    } else if (!pod.volume_names.contains(name)) {
      AddNotFound(errors, at + ".name", name);
    }
    const std::string path = StringAt(mounts[i], {"mountPath"});
    if (path.empty()) {
      AddRequired(errors, at + ".mountPath");
    } else if (!paths.insert(path).second) {
      AddInvalid(errors, at + ".mountPath", path, "must be unique");
    }
  }
}

bool IsContainerResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
         name.starts_with("hugepages-");
}

void ValidateResourceList(const Json& list, const std::string& field, FieldErrors& errors) {
  if (!list.is_object()) return;
  for (const auto& [name, value] : list.items()) {
    const std::string at = Keyed(field, name);
    AddComplaints(errors, at, name, CheckQualifiedName(name));
    if (name.find('/') == std::string::npos && !IsContainerResource(name)) {
      AddInvalid(errors, at, name, "must be a standard resource for containers");
    }
    const absl::StatusOr<Quantity> quantity = Quantity::Parse(value.get<std::string>());
    if (quantity.ok() && quantity->is_negative()) {
      AddInvalid(errors, at, value, "must be greater than or equal to 0");
    }
  }
}

void ValidateResources(const Json& container, const std::string& field, FieldErrors& errors) {
  const Json& limits = At(container, {"resources", "limits"});
  const Json& requests = At(container, {"resources", "requests"});
  ValidateResourceList(limits, field + ".resources.limits", errors);
  ValidateResourceList(requests, field + ".resources.requests", errors);
  if (!requests.is_object()) return;
  for (const auto& [name, value] : requests.items()) {
    const Json& limit = At(limits, {name});
    if (!limit.is_string() || !value.is_string()) continue;
    const absl::StatusOr<Quantity> most = Quantity::Parse(limit.get_ref<const std::string&>());
    const absl::StatusOr<Quantity> wanted = Quantity::Parse(value.get_ref<const std::string&>());
    if (most.ok() && wanted.ok() && *most < *wanted) {
      AddInvalid(errors, field + ".resources.requests", value,
                 "must be less than or equal to " + name + " limit");
    }
  }
}

constexpr const char* kHandlers[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep"};

void ValidateHandler(const Json& handler, const std::string& field, FieldErrors& errors) {
  int count = 0;
  for (const char* name : kHandlers) {
    const Json& one = At(handler, {name});
    if (one.is_null()) continue;
    if (++count > 1) {
      AddForbidden(errors, field + "." + name, "may not specify more than 1 handler type");
      continue;
    }
    const Json& port = At(one, {"port"});
    if (port.is_number()) ValidatePortNumber(port, field + "." + name + ".port", errors);
    if (port.is_string()) {
      AddComplaints(errors, field + "." + name + ".port", port,
                    CheckPortName(port.get_ref<const std::string&>()));
    }
    if (std::string_view(name) == "exec" && At(one, {"command"}).empty()) {
      AddRequired(errors, field + ".exec.command");
    }
  }
  if (count == 0) AddRequired(errors, field, "must specify a handler type");
}

void ValidateProbe(const Json& container, const char* name, bool one_success,
                   const std::string& parent, FieldErrors& errors) {
  const Json& probe = At(container, {name});
  if (probe.is_null()) return;
  const std::string field = parent + "." + name;
  ValidateHandler(probe, field, errors);
  for (const char* number : {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                             "successThreshold", "failureThreshold"}) {
    ValidateNonNegative(probe, number, field, errors);
  }
  if (one_success && IntAt(probe, {"successThreshold"}, 1) != 1) {
    AddInvalid(errors, field + ".successThreshold", At(probe, {"successThreshold"}), "must be 1");
  }
}

void ValidateImage(const Json& container, const std::string& field, FieldErrors& errors) {
  const std::string image = StringAt(container, {"image"});
  if (image.empty()) {
    AddRequired(errors, field + ".image");
  } else if (absl::StripAsciiWhitespace(image) != image) {
    AddInvalid(errors, field + ".image", image, "must not have leading or trailing whitespace");
  }
  const std::string policy = StringAt(container, {"imagePullPolicy"});
  if (policy.empty()) {
    AddRequired(errors, field + ".imagePullPolicy");
  } else if (policy != "Always" && policy != "IfNotPresent" && policy != "Never") {
    AddNotSupported(errors, field + ".imagePullPolicy", policy,
                    {"Always", "IfNotPresent", "Never"});
  }
  const std::string message = StringAt(container, {"terminationMessagePolicy"});
  if (message != "File" && message != "FallbackToLogsOnError") {
    AddNotSupported(errors, field + ".terminationMessagePolicy", message,
                    {"FallbackToLogsOnError", "File"});
  }
}

}  // namespace

void ValidateContainer(const Json& container, const std::string& field, PodContext& pod,
                       FieldErrors& errors) {
  const std::string name = StringAt(container, {"name"});
  if (name.empty()) {
    AddRequired(errors, field + ".name");
  } else {
    AddComplaints(errors, field + ".name", name, CheckDns1123Label(name));
    if (!pod.container_names.insert(name).second) AddDuplicate(errors, field + ".name", name);
  }
  ValidateImage(container, field, errors);
  for (const char* hook : {"postStart", "preStop"}) {
    const Json& handler = At(container, {"lifecycle", hook});
    if (!handler.is_null()) ValidateHandler(handler, field + ".lifecycle." + hook, errors);
  }
  ValidateProbe(container, "livenessProbe", true, field, errors);
  ValidateProbe(container, "readinessProbe", false, field, errors);
  ValidateProbe(container, "startupProbe", true, field, errors);
  ValidatePorts(container, field, pod, errors);
  ValidateEnv(container, field, errors);
  ValidateMounts(container, field, pod, errors);
  ValidateResources(container, field, errors);
}

}  // namespace pintle::server::kube

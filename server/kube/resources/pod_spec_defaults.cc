#include <string_view>

#include "server/kube/resources/pod_spec.h"
#include "server/kube/resources/quantity.h"
#include "server/kube/resources/row_parts.h"

namespace pintle::server::kube {
namespace {

// Calls `visit` for each object in the list object[name].
template <typename Visit>
void ForEach(Json& object, const char* name, Visit visit) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_array()) return;
  for (Json& item : *it) {
    if (item.is_object()) visit(item);
  }
}

// Calls `visit` for object[name] when that is an object.
template <typename Visit>
void With(Json& object, const char* name, Visit visit) {
  const auto it = object.find(name);
  if (it != object.end() && it->is_object()) visit(*it);
}

// As SetDefault, but a zero counts as left out too.
void SetDefaultNumber(Json& object, const char* name, int value) {
  Json& slot = object[name];
  if (slot.is_null() || slot == 0) slot = value;
}

// Latest, or no tag and no digest: such an image may change under its name.
bool MayChange(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return false;
  const size_t slash = image.rfind('/');
  if (slash != std::string_view::npos) image.remove_prefix(slash + 1);
  const size_t colon = image.rfind(':');
  return colon == std::string_view::npos || image.substr(colon + 1) == "latest";
}

void SetHttpGetDefaults(Json& handler) {
  With(handler, "httpGet", [](Json& get) {
    SetDefault(get, "path", "/");
    SetDefault(get, "scheme", "HTTP");
  });
}

void SetProbeDefaults(Json& container, const char* name) {
  With(container, name, [](Json& probe) {
    SetDefaultNumber(probe, "timeoutSeconds", 1);
    SetDefaultNumber(probe, "periodSeconds", 10);
    SetDefaultNumber(probe, "successThreshold", 1);
    SetDefaultNumber(probe, "failureThreshold", 3);
    SetHttpGetDefaults(probe);
    With(probe, "grpc", [](Json& grpc) { SetDefault(grpc, "service", ""); });
  });
}

void RoundResources(Json& resources) {
  for (const char* name : {"limits", "requests"}) {
    With(resources, name, [](Json& list) {
      for (auto& [resource, value] : list.items()) {
        if (!value.is_string()) continue;
        absl::StatusOr<Quantity> quantity = Quantity::Parse(value.get_ref<const std::string&>());
        if (!quantity.ok()) continue;
        quantity->RoundUpToMilli();
        value = quantity->Canonical();
      }
    });
  }
}

void SetContainerDefaults(Json& container, bool host_network) {
  const std::string image = StringAt(container, {"image"});
  SetDefault(container, "imagePullPolicy", MayChange(image) ? "Always" : "IfNotPresent");
  SetDefault(container, "terminationMessagePath", "/dev/termination-log");
  SetDefault(container, "terminationMessagePolicy", "File");
  RoundResources(MakeObject(container, "resources"));
  ForEach(container, "ports", [&](Json& port) {
    SetDefault(port, "protocol", "TCP");
    if (host_network && port.contains("containerPort")) {
      SetDefaultNumber(port, "hostPort", static_cast<int>(IntAt(port, {"containerPort"})));
    }
  });
  ForEach(container, "env", [](Json& variable) {
    With(variable, "valueFrom", [](Json& source) {
      With(source, "fieldRef", [](Json& ref) { SetDefault(ref, "apiVersion", "v1"); });
    });
  });
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    SetProbeDefaults(container, probe);
  }
  With(container, "lifecycle", [](Json& lifecycle) {
    With(lifecycle, "postStart", SetHttpGetDefaults);
    With(lifecycle, "preStop", SetHttpGetDefaults);
  });
}

void SetDownwardDefaults(Json& source) {
  ForEach(source, "items", [](Json& item) {
    With(item, "fieldRef", [](Json& ref) { SetDefault(ref, "apiVersion", "v1"); });
  });
}

void SetVolumeDefaults(Json& volume) {
  static constexpr int kOwnerWrites = 0644;
  if (volume.size() <= (volume.contains("name") ? 1U : 0U)) volume["emptyDir"] = Json::object();
  for (const char* source : {"secret", "configMap", "downwardAPI", "projected"}) {
    With(volume, source, [](Json& value) { SetDefault(value, "defaultMode", kOwnerWrites); });
  }
  With(volume, "downwardAPI", SetDownwardDefaults);
  With(volume, "hostPath", [](Json& path) { SetDefault(path, "type", ""); });
  With(volume, "projected", [](Json& projected) {
    ForEach(projected, "sources", [](Json& source) {
      With(source, "serviceAccountToken",
           [](Json& token) { SetDefault(token, "expirationSeconds", 3600); });
      With(source, "downwardAPI", SetDownwardDefaults);
    });
  });
}

void AddToleration(Json& spec, const char* key) {
  Json& tolerations = spec["tolerations"];
  if (!tolerations.is_array()) tolerations = Json::array();
  for (const Json& toleration : tolerations) {
    const std::string tolerated = StringAt(toleration, {"key"});
    const std::string effect = StringAt(toleration, {"effect"});
    if ((tolerated == key || tolerated.empty()) && (effect == "NoExecute" || effect.empty())) {
      return;
    }
  }
  tolerations.push_back(
      {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
}

void SetRequestsFromLimits(Json& container) {
  With(container, "resources", [](Json& resources) {
    const Json limits = resources.value("limits", Json());
    if (!limits.is_object()) return;
    for (const auto& [name, value] : limits.items()) {
      SetDefault(MakeObject(resources, "requests"), name.c_str(), value);
    }
  });
}

std::string JoinContainers(const Json& pod_spec, const char* member) {
  std::string text;
  for (const Json& container : At(pod_spec, {"containers"})) {
    if (!text.empty()) text += ",";
    text += StringAt(container, {member});
  }
  return text;
}

}  // namespace

void SetPodSpecDefaults(Json& spec) {
  if (!spec.is_object()) return;
  SetDefault(spec, "dnsPolicy", "ClusterFirst");
  SetDefault(spec, "restartPolicy", "Always");
  SetDefault(spec, "securityContext", Json::object());
  SetDefault(spec, "terminationGracePeriodSeconds", 30);
  SetDefault(spec, "schedulerName", "default-scheduler");
  // One value under two names.
  const std::string account = StringAt(spec, {"serviceAccountName"});
  if (!account.empty()) {
    spec["serviceAccount"] = account;
  } else if (const std::string old_name = StringAt(spec, {"serviceAccount"}); !old_name.empty()) {
    spec["serviceAccountName"] = old_name;
  }
  const bool host_network = At(spec, {"hostNetwork"}) == true;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    ForEach(spec, list, [&](Json& container) { SetContainerDefaults(container, host_network); });
  }
  ForEach(spec, "volumes", SetVolumeDefaults);
}

void SetPodOnlyDefaults(Json& spec) {
  if (!spec.is_object()) return;
  SetDefault(spec, "enableServiceLinks", true);
  for (const char* list : {"initContainers", "containers"}) {
    ForEach(spec, list, SetRequestsFromLimits);
  }
  SetDefault(spec, "priority", 0);
  SetDefault(spec, "preemptionPolicy", "PreemptLowerPriority");
  if (StringAt(spec, {"serviceAccountName"}).empty()) {
    spec["serviceAccountName"] = "default";
    spec["serviceAccount"] = "default";
  }
  AddToleration(spec, "node.kubernetes.io/not-ready");
  AddToleration(spec, "node.kubernetes.io/unreachable");
}

void SetPodTemplateDefaults(Json& owner_spec) {
  Json& pod_template = MakeObject(owner_spec, "template");
  // Always printed, as a null.
  SetDefault(MakeObject(pod_template, "metadata"), "creationTimestamp", nullptr);
  SetPodSpecDefaults(MakeObject(pod_template, "spec"));
}

std::string QosClass(const Json& spec) {
  bool guaranteed = true;
  bool anything = false;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : At(spec, {list})) {
      for (const char* resource : {"cpu", "memory"}) {
        const std::string limit = StringAt(container, {"resources", "limits", resource});
        const std::string request = StringAt(container, {"resources", "requests", resource});
        if (!limit.empty() || !request.empty()) anything = true;
        if (limit.empty() || (!request.empty() && request != limit)) guaranteed = false;
      }
    }
  }
  if (!anything) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

std::string ContainerNames(const Json& pod_spec) { return JoinContainers(pod_spec, "name"); }

std::string ContainerImages(const Json& pod_spec) { return JoinContainers(pod_spec, "image"); }

}  // namespace pintle::server::kube

#include "client/controllers/endpoints_reconcile.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "client/controllers/pod_util.h"

namespace pintle::client::controllers {
namespace {

constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

// A port number, or the pod's container port of that name and protocol.
std::optional<int64_t> ResolvePort(const Json& pod, const Json& service_port) {
  const Json& target = At(service_port, "targetPort");
  if (target.is_number_integer() && target != 0) return target.get<int64_t>();
  const auto* name = target.get_ptr<const std::string*>();
  if (name == nullptr || name->empty()) return Int(service_port, "port");
  const auto protocol = [](const Json& port) {
    const std::string_view given = Str(port, "protocol");
    return given.empty() ? std::string_view("TCP") : given;
  };
  for (const Json& container : Array(pod, "spec.containers")) {
    for (const Json& port : Array(container, "ports")) {
      if (Str(port, "name") == *name && protocol(port) == protocol(service_port)) {
        return Int(port, "containerPort");
      }
    }
  }
  return std::nullopt;
}

Json AddressOf(const Json& service, const Json& pod) {
  Json address{{"ip", std::string(Str(pod, "status.podIP"))},
               {"targetRef",
                {{"kind", "Pod"},
                 {"namespace", std::string(Namespace(pod))},
                 {"name", std::string(Name(pod))},
                 {"uid", std::string(Uid(pod))}}}};
  const std::string_view node = Str(pod, "spec.nodeName");
  if (!node.empty()) address["nodeName"] = std::string(node);
  const std::string_view hostname = Str(pod, "spec.hostname");
  if (!hostname.empty() && Str(pod, "spec.subdomain") == Name(service)) {
    address["hostname"] = std::string(hostname);
  }
  return address;
}

bool MayServe(const Json& pod) {
  const std::string_view policy = Str(pod, "spec.restartPolicy");
  const std::string_view phase = Str(pod, "status.phase");
  if (policy == "Never") return phase != "Failed" && phase != "Succeeded";
  if (policy == "OnFailure") return phase != "Succeeded";
  return true;
}

struct Subset {
  std::vector<Json> ready;
  std::vector<Json> not_ready;
};

// By port (as JSON text, so that the order is that of the bytes), then by address.
using ByPort = std::map<Json, Subset>;

void AddPod(const Json& service, const Json& pod, ByPort& subsets) {
  const bool publish = Bool(service, "spec.publishNotReadyAddresses");
  if (Str(pod, "status.podIP").empty() || (Deleting(pod) && !publish)) return;
  const bool ready = publish || IsReady(pod);
  if (!ready && !MayServe(pod)) return;
  const Json address = AddressOf(service, pod);
  const auto add = [&](const Json& port) {
    Subset& subset = subsets[port];
    (ready ? subset.ready : subset.not_ready).push_back(address);
  };
  const Json& ports = Array(service, "spec.ports");
  if (ports.empty()) return add(Json());  // headless without ports
  for (const Json& service_port : ports) {
    const std::optional<int64_t> number = ResolvePort(pod, service_port);
    if (!number) continue;
    const std::string_view protocol = Str(service_port, "protocol");
    Json port{{"port", *number}, {"protocol", protocol.empty() ? "TCP" : std::string(protocol)}};
    for (const char* field : {"name", "appProtocol"}) {
      if (!Str(service_port, field).empty()) port[field] = service_port[field];
    }
    add(port);
  }
}

Json Sorted(std::vector<Json> addresses) {
  std::sort(addresses.begin(), addresses.end(), [](const Json& a, const Json& b) {
    return std::pair(Str(a, "ip"), Str(a, "targetRef.uid")) <
           std::pair(Str(b, "ip"), Str(b, "targetRef.uid"));
  });
  return Json(std::move(addresses));
}

}  // namespace

Json EndpointSubsets(const Json& service, const std::vector<ObjectPtr>& pods) {
  ByPort by_port;
  for (const ObjectPtr& pod : pods) AddPod(service, *pod, by_port);
  // Ports with the very same addresses share a subset.
  std::map<Json, Json> ports_by_addresses;
  for (auto& [port, subset] : by_port) {
    Json addresses = Json::object();
    if (!subset.ready.empty()) addresses["addresses"] = Sorted(std::move(subset.ready));
    if (!subset.not_ready.empty()) {
      addresses["notReadyAddresses"] = Sorted(std::move(subset.not_ready));
    }
    Json& ports = ports_by_addresses[addresses];
    if (ports.is_null()) ports = Json::array();
    if (!port.is_null()) ports.push_back(port);
  }
  Json subsets = Json::array();
  for (auto& [addresses, ports] : ports_by_addresses) {
    Json subset = addresses;
    if (!ports.empty()) subset["ports"] = ports;
    subsets.push_back(std::move(subset));
  }
  return subsets;
}

Json DesiredEndpoints(const Json& service, const std::vector<ObjectPtr>& pods,
                      const Json& current) {
  Json endpoints = current.is_object() ? current : Json::object();
  Json& metadata = endpoints["metadata"];
  metadata["name"] = std::string(Name(service));
  metadata["namespace"] = std::string(Namespace(service));
  Json labels = At(service, "metadata.labels");
  if (!labels.is_object()) labels = Json::object();
  if (Str(service, "spec.clusterIP") == "None") labels[kHeadlessLabel] = "";
  if (labels.empty()) {
    metadata.erase("labels");
  } else {
    metadata["labels"] = std::move(labels);
  }
  endpoints["subsets"] = EndpointSubsets(service, pods);
  return endpoints;
}

}  // namespace pintle::client::controllers

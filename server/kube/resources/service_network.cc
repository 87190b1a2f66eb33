#include "server/kube/resources/service_network.h"

#include <set>
#include <string>

#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

std::string Type(const Json& service) { return StringAt(service, {"spec", "type"}); }
std::string ClusterIp(const Json& service) { return StringAt(service, {"spec", "clusterIP"}); }
bool NeedsClusterIp(const Json& service) { return Type(service) != "ExternalName"; }
bool NeedsNodePort(const Json& service) {
  return Type(service) == "NodePort" || Type(service) == "LoadBalancer";
}

// clusterIP is clusterIPs[0].
void MirrorClusterIps(Json& spec) {
  const std::string ip = StringAt(spec, {"clusterIP"});
  const Json& ips = At(spec, {"clusterIPs"});
  if (!ip.empty() && ips.empty()) {
    spec["clusterIPs"] = Json::array({ip});
  } else if (ip.empty() && !ips.empty() && ips[0].is_string()) {
    spec["clusterIP"] = ips[0];
  }
}

void SetPortDefaults(Json& spec) {
  const auto ports = spec.find("ports");
  if (ports == spec.end()) return;
  for (Json& port : *ports) {
    if (!port.is_object()) continue;
    SetDefault(port, "protocol", "TCP");
    const Json& target = At(port, {"targetPort"});
    if (target.is_null() || target == 0 || target == "") port["targetPort"] = At(port, {"port"});
  }
}

// Node ports that the client left out and the service already has.
void CarryOverNodePorts(Json& spec, const Json& old_spec) {
  const auto ports = spec.find("ports");
  if (ports == spec.end()) return;
  for (Json& port : *ports) {
    if (IntAt(port, {"nodePort"}) != 0) continue;
    for (const Json& before : At(old_spec, {"ports"})) {
      if (At(before, {"port"}) == At(port, {"port"}) &&
          At(before, {"protocol"}) == At(port, {"protocol"}) && IntAt(before, {"nodePort"}) != 0) {
        port["nodePort"] = before["nodePort"];
      }
    }
  }
}

void DropNodePorts(Json& spec, const Json& old_spec) {
  std::set<int64_t> had;
  for (const Json& before : At(old_spec, {"ports"})) had.insert(IntAt(before, {"nodePort"}));
  const auto ports = spec.find("ports");
  if (ports == spec.end()) return;
  for (Json& port : *ports) {
    if (had.contains(IntAt(port, {"nodePort"}))) port.erase("nodePort");
  }
}

void ValidatePort(const Json& port, const std::string& field, bool name_required,
                  std::set<std::string>& names, FieldErrors& errors) {
  const std::string name = StringAt(port, {"name"});
  if (name.empty()) {
    if (name_required) AddRequired(errors, field + ".name");
  } else {
    AddComplaints(errors, field + ".name", name, CheckDns1123Label(name));
    if (!names.insert(name).second) AddDuplicate(errors, field + ".name", name);
  }
  ValidatePortNumber(At(port, {"port"}), field + ".port", errors);
  const std::string protocol = StringAt(port, {"protocol"});
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
    AddNotSupported(errors, field + ".protocol", protocol, {"SCTP", "TCP", "UDP"});
  }
  const Json& target = At(port, {"targetPort"});
  if (target.is_number()) {
    ValidatePortNumber(target, field + ".targetPort", errors);
  } else if (target.is_string()) {
    AddComplaints(errors, field + ".targetPort", target,
                  CheckPortName(target.get_ref<const std::string&>()));
  }
}

void ValidatePorts(const Json& service, FieldErrors& errors) {
  const Json& ports = At(service, {"spec", "ports"});
  const bool headless = ClusterIp(service) == "None";
  if (ports.empty() && !headless && NeedsClusterIp(service)) {
    AddRequired(errors, "spec.ports");
  }
  std::set<std::string> names;
  std::set<std::string> numbers;
  std::set<std::string> node_ports;
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string at = Indexed("spec.ports", i);
    ValidatePort(ports[i], at, ports.size() > 1, names, errors);
    const std::string protocol = StringAt(ports[i], {"protocol"});
    const int64_t node_port = IntAt(ports[i], {"nodePort"});
    if (node_port != 0 && !NeedsNodePort(service)) {
      AddForbidden(errors, at + ".nodePort",
                   "may not be used when `type` is '" + Type(service) + "'");
    } else if (node_port != 0 && !node_ports.insert(protocol + std::to_string(node_port)).second) {
      AddDuplicate(errors, at + ".nodePort", ports[i]["nodePort"]);
    }
    const std::string number = protocol + std::to_string(IntAt(ports[i], {"port"}));
    if (!numbers.insert(number).second) {
      AddDuplicate(errors, at, {{"port", At(ports[i], {"port"})}, {"protocol", protocol}});
    }
  }
}

void ValidateType(const Json& service, FieldErrors& errors) {
  const std::string type = Type(service);
  if (type == "ExternalName") {
    const std::string name = StringAt(service, {"spec", "externalName"});
    if (name.empty()) {
      AddRequired(errors, "spec.externalName");
    } else {
      std::string_view host = name;
      if (host.ends_with('.')) host.remove_suffix(1);
      AddComplaints(errors, "spec.externalName", name, CheckDns1123Subdomain(host));
    }
    if (!ClusterIp(service).empty()) {
      AddForbidden(errors, "spec.clusterIPs[0]", "may not be set when `type` is 'ExternalName'");
    }
  } else if (type != "ClusterIP" && type != "NodePort" && type != "LoadBalancer") {
    AddNotSupported(errors, "spec.type", type,
                    {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"});
  }
  if (NeedsNodePort(service) && ClusterIp(service) == "None") {
    AddInvalid(errors, "spec.clusterIPs[0]", "None",
               "may not be set to 'None' for " + type + " services");
  }
}

void ValidateClusterIps(const Json& service, FieldErrors& errors) {
  const Json& ips = At(service, {"spec", "clusterIPs"});
  for (size_t i = 0; i < ips.size(); ++i) {
    const std::string ip = ips[i].get<std::string>();
    if (ip != "None" && !IsIpAddress(ip)) {
      AddInvalid(errors, Indexed("spec.clusterIPs", i), ip,
                 "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
  }
  if (!ips.empty() && ips[0] != ClusterIp(service)) {
    AddInvalid(errors, "spec.clusterIPs", ips, "first value must match `clusterIP`");
  }
}

void ValidatePolicies(const Json& service, FieldErrors& errors) {
  const std::string affinity = StringAt(service, {"spec", "sessionAffinity"});
  if (affinity != "None" && affinity != "ClientIP") {
    AddNotSupported(errors, "spec.sessionAffinity", affinity, {"ClientIP", "None"});
  }
  const std::string external = StringAt(service, {"spec", "externalTrafficPolicy"});
  if (!external.empty() && external != "Cluster" && external != "Local") {
    AddNotSupported(errors, "spec.externalTrafficPolicy", external, {"Cluster", "Local"});
  }
  const Json& addresses = At(service, {"spec", "externalIPs"});
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (!IsIpAddress(addresses[i].get<std::string>())) {
      AddInvalid(errors, Indexed("spec.externalIPs", i), addresses[i],
                 "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
  }
  ValidateLabels(At(service, {"spec", "selector"}), "spec.selector", errors);
}

// The first cluster IP stays, as long as the type needs one before and after.
void ValidateClusterIpUpdate(const Json& service, const Json& old, FieldErrors& errors) {
  if (!NeedsClusterIp(service) || !NeedsClusterIp(old)) return;
  const std::string before = ClusterIp(old);
  const std::string after = ClusterIp(service);
  if (before.empty() || before == after) return;
  if (after.empty()) {
    AddInvalid(errors, "spec.clusterIPs[0]", At(service, {"spec", "clusterIPs"}),
               "primary clusterIP can not be unset");
    return;
  }
  AddInvalid(errors, "spec.clusterIPs[0]", Json::array({after}), "may not change once set");
}

}  // namespace

void SetServiceDefaults(Json& service) {
  Json& spec = MakeObject(service, "spec");
  SetDefault(spec, "type", "ClusterIP");
  SetDefault(spec, "sessionAffinity", "None");
  if (spec["sessionAffinity"] == "ClientIP") {
    Json& client = MakeObject(MakeObject(spec, "sessionAffinityConfig"), "clientIP");
    SetDefault(client, "timeoutSeconds", 10800);
  }
  SetPortDefaults(spec);
  if (NeedsNodePort(service)) SetDefault(spec, "externalTrafficPolicy", "Cluster");
  if (Type(service) == "LoadBalancer") SetDefault(spec, "allocateLoadBalancerNodePorts", true);
  if (NeedsClusterIp(service)) {
    SetDefault(spec, "internalTrafficPolicy", "Cluster");
    SetDefault(spec, "ipFamilies", Json::array({"IPv4"}));
    SetDefault(spec, "ipFamilyPolicy", "SingleStack");
  }
  MirrorClusterIps(spec);
  SetDefault(MakeObject(service, "status"), "loadBalancer", Json::object());
}

void CarryOverServiceNetwork(Json& service, const Json& old) {
  Json& spec = MakeObject(service, "spec");
  const Json& old_spec = At(old, {"spec"});
  if (NeedsClusterIp(service) && NeedsClusterIp(old)) {
    // A client that only knows clusterIP changes or clears that one; the list follows.
    const bool same_list = At(spec, {"clusterIPs"}) == At(old_spec, {"clusterIPs"});
    if (ClusterIp(service).empty()) spec["clusterIP"] = ClusterIp(old);
    if (same_list && ClusterIp(service) != ClusterIp(old)) {
      spec["clusterIPs"] = Json::array({ClusterIp(service)});
    }
  } else if (!NeedsClusterIp(service) && ClusterIp(service) == ClusterIp(old)) {
    for (const char* name :
         {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}) {
      spec.erase(name);
    }
  }
  if (NeedsNodePort(service) && NeedsNodePort(old)) {
    CarryOverNodePorts(spec, old_spec);
    if (IntAt(spec, {"healthCheckNodePort"}) == 0 &&
        IntAt(old_spec, {"healthCheckNodePort"}) != 0 &&
        StringAt(spec, {"externalTrafficPolicy"}) == "Local") {
      spec["healthCheckNodePort"] = old_spec["healthCheckNodePort"];
    }
  } else if (!NeedsNodePort(service) && NeedsNodePort(old)) {
    DropNodePorts(spec, old_spec);
    for (const char* name :
         {"externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"}) {
      if (At(spec, {name}) == At(old_spec, {name})) spec.erase(name);
    }
  }
  MirrorClusterIps(spec);
}

void ValidateService(const Json& service, const Json* old, FieldErrors& errors) {
  ValidateType(service, errors);
  ValidatePorts(service, errors);
  ValidatePolicies(service, errors);
  if (old != nullptr) {
    const size_t before = errors.size();
    ValidateClusterIpUpdate(service, *old, errors);
    if (errors.size() != before) return;
  }
  ValidateClusterIps(service, errors);
}

}  // namespace pintle::server::kube

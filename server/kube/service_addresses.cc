#include "server/kube/service_addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>
#include <utility>

#include "server/kube/object_meta.h"
#include "server/kube/range_allocation.h"
#include "server/kube/resources/field_error.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kIpsKey = "/registry/ranges/serviceips";
constexpr std::string_view kPortsKey = "/registry/ranges/servicenodeports";

bool ParseIp(std::string_view text, uint32_t& address) {
  in_addr parsed;
  if (inet_pton(AF_INET, std::string(text).c_str(), &parsed) != 1) return false;
  address = ntohl(parsed.s_addr);
  return true;
}

std::string Type(const Json& service) {
  const std::string type = StringAt(service, {"spec", "type"});
  return type.empty() ? "ClusterIP" : type;
}
bool WantsIp(const Json& service) { return Type(service) != "ExternalName"; }
bool WantsNodePorts(const Json& service) {
  const std::string type = Type(service);
  return type == "NodePort" || type == "LoadBalancer";
}
std::string ClusterIp(const Json& service) { return StringAt(service, {"spec", "clusterIP"}); }

void SetClusterIp(Json& service, const std::string& ip) {
  service["spec"]["clusterIP"] = ip;
  service["spec"]["clusterIPs"] = Json::array({ip});
}

std::set<int64_t> NodePorts(const Json& service) {
  std::set<int64_t> ports;
  for (const Json& port : At(service, {"spec", "ports"})) {
    const int64_t number = IntAt(port, {"nodePort"});
    if (number != 0) ports.insert(number);
  }
  return ports;
}

Json* PortsOf(Json& service) {
  const auto ports = service["spec"].find("ports");
  return ports != service["spec"].end() && ports->is_array() ? &*ports : nullptr;
}

}  // namespace

// One plan's share: both maps as the view has them, loaded when first needed.
class ServiceAddresses::Attempt {
 public:
  Attempt(const ServiceAddresses& addresses, const kv::ReadView& view)
      : addresses_(addresses),
        view_(view),
        ips_(std::string(kIpsKey), addresses.range_, addresses.size_),
        ports_(std::string(kPortsKey), StrCat(addresses.first_port_, "-", addresses.last_port_),
               static_cast<uint64_t>(addresses.last_port_ - addresses.first_port_ + 1)) {}

  Result<Done> TakeIp(Json& service, const Json* old);
  Result<Done> TakePorts(Json& service, const Json* old);
  Result<Done> GiveBackIp(const Json& old);
  Result<Done> GiveBackPorts(const Json& old, const std::set<int64_t>& kept);
  void AddTo(StoreTxn& txn) const {
    ips_.AddTo(txn);
    ports_.AddTo(txn);
  }

 private:
  Result<Done> LoadIps() { return std::exchange(ips_loaded_, true) ? Done{} : ips_.Load(view_); }
  Result<Done> LoadPorts() {
    return std::exchange(ports_loaded_, true) ? Done{} : ports_.Load(view_);
  }
  Result<Done> TakeThisIp(const Json& service, const std::string& ip);
  Result<Done> TakePort(Json& port, size_t index, const std::set<int64_t>& held,
                        std::set<int64_t>& taken, const Json& service);
  StatusError Refuse(const Json& service, std::string field, const Json& value,
                     std::string_view detail) const {
    FieldErrors errors;
    AddInvalid(errors, std::move(field), value, detail);
    return InvalidKind("", "Service", Name(service), errors);
  }

  const ServiceAddresses& addresses_;
  const kv::ReadView& view_;
  RangeAllocation ips_;
  RangeAllocation ports_;
  bool ips_loaded_ = false;
  bool ports_loaded_ = false;
};

Result<Done> ServiceAddresses::Attempt::TakeThisIp(const Json& service, const std::string& ip) {
  const auto refuse = [&](std::string_view why) {
    return Refuse(service, "spec.clusterIPs", Json::array({ip}),
                  StrCat("failed to allocated ip:", ip, " with error:", why));
  };
  uint64_t offset = 0;
  if (!addresses_.FindOffset(ip, offset))
    return refuse(StrCat("provided IP is not in the valid range. The range of valid IPs is ",
                         addresses_.range_));
  const bool the_kubernetes_service =
      Name(service) == "kubernetes" && StringAt(service, {"metadata", "namespace"}) == "default";
  if (ips_.IsTaken(offset) || (offset == 0 && !the_kubernetes_service))
    return refuse("provided IP is already allocated");
  ips_.Take(offset);
  return Done{};
}

Result<Done> ServiceAddresses::Attempt::TakeIp(Json& service, const Json* old) {
  const std::string before = old != nullptr && WantsIp(*old) ? ClusterIp(*old) : "";
  const std::string ip = ClusterIp(service);
  if (!WantsIp(service)) {
    service["spec"].erase("clusterIP");
    service["spec"].erase("clusterIPs");
  } else if (ip == "None" || (!ip.empty() && ip == before)) {
    SetClusterIp(service, ip);
    return Done{};
  } else {
    KUBE_RETURN_IF_ERROR(LoadIps());
    if (!ip.empty()) {
      KUBE_RETURN_IF_ERROR(TakeThisIp(service, ip));
      SetClusterIp(service, ip);
    } else {
      const std::optional<uint64_t> offset = ips_.TakeAny(1);
      if (!offset) return InternalError("failed to allocate a serviceIP: range is full");
      SetClusterIp(service, addresses_.FormatIp(*offset));
    }
  }
  return old == nullptr ? Done{} : GiveBackIp(*old);
}

Result<Done> ServiceAddresses::Attempt::GiveBackIp(const Json& old) {
  uint64_t offset = 0;
  if (!WantsIp(old) || !addresses_.FindOffset(ClusterIp(old), offset)) return Done{};
  KUBE_RETURN_IF_ERROR(LoadIps());
  ips_.GiveBack(offset);
  return Done{};
}

Result<Done> ServiceAddresses::Attempt::TakePort(Json& port, size_t index,
                                                 const std::set<int64_t>& held,
                                                 std::set<int64_t>& taken, const Json& service) {
  const int64_t number = IntAt(port, {"nodePort"});
  if (number == 0) {
    const std::optional<uint64_t> offset = ports_.TakeAny(0);
    if (!offset) return InternalError("failed to allocate a nodePort: range is full");
    port["nodePort"] = addresses_.first_port_ + static_cast<int64_t>(*offset);
    taken.insert(addresses_.first_port_ + static_cast<int64_t>(*offset));
    return Done{};
  }
  if (held.contains(number) || taken.contains(number)) return Done{};
  const std::string field = StrCat("spec.ports[", index, "].nodePort");
  if (number < addresses_.first_port_ || number > addresses_.last_port_)
    return Refuse(service, field, number,
                  StrCat("provided port is not in the valid range. The range of valid ports "
                         "is ",
                         addresses_.first_port_, "-", addresses_.last_port_));
  const auto offset = static_cast<uint64_t>(number - addresses_.first_port_);
  if (ports_.IsTaken(offset))
    return Refuse(service, field, number, "provided port is already allocated");
  ports_.Take(offset);
  taken.insert(number);
  return Done{};
}

Result<Done> ServiceAddresses::Attempt::TakePorts(Json& service, const Json* old) {
  const std::set<int64_t> held = old != nullptr ? NodePorts(*old) : std::set<int64_t>();
  std::set<int64_t> taken;
  Json* ports = PortsOf(service);
  if (WantsNodePorts(service) && ports != nullptr) {
    KUBE_RETURN_IF_ERROR(LoadPorts());
    // Asked-for numbers first, so that a random one cannot take them.
    for (const bool random : {false, true}) {
      for (size_t i = 0; i < ports->size(); ++i) {
        Json& port = (*ports)[i];
        if ((IntAt(port, {"nodePort"}) == 0) == random)
          KUBE_RETURN_IF_ERROR(TakePort(port, i, held, taken, service));
      }
    }
  }
  return old == nullptr ? Done{} : GiveBackPorts(*old, NodePorts(service));
}

Result<Done> ServiceAddresses::Attempt::GiveBackPorts(const Json& old,
                                                      const std::set<int64_t>& kept) {
  for (const int64_t number : NodePorts(old)) {
    if (kept.contains(number) || number < addresses_.first_port_ || number > addresses_.last_port_)
      continue;
    KUBE_RETURN_IF_ERROR(LoadPorts());
    ports_.GiveBack(static_cast<uint64_t>(number - addresses_.first_port_));
  }
  return Done{};
}

absl::StatusOr<ServiceAddresses> ServiceAddresses::Create(std::string range, int first_port,
                                                          int last_port) {
  const size_t slash = std::min(range.find('/'), range.size());
  ServiceAddresses addresses;
  int64_t prefix = 0;
  if (!ParseIp(std::string_view(range).substr(0, slash), addresses.base_) ||
      !ParseInteger(std::string_view(range).substr(std::min(slash + 1, range.size())), prefix) ||
      prefix < 12 || prefix > 30)
    return absl::InvalidArgumentError(
        StrCat("service-cluster-ip-range '", range,
               "' is not an IPv4 range from /12 to /30 like 10.96.0.0/16"));
  if (first_port < 1 || last_port > 65535 || first_port > last_port)
    return absl::InvalidArgumentError(
        StrCat("service-node-port-range ", first_port, "-", last_port, " is no port range"));
  const uint64_t all = uint64_t{1} << (32 - prefix);
  if (addresses.base_ % all != 0)
    return absl::InvalidArgumentError(StrCat("service-cluster-ip-range '", range,
                                             "' has host bits set; use the network's address"));
  addresses.range_ = std::move(range);
  addresses.size_ = all - 2;
  addresses.first_port_ = first_port;
  addresses.last_port_ = last_port;
  return addresses;
}

std::string ServiceAddresses::FormatIp(uint64_t offset) const {
  const uint32_t address = base_ + 1 + static_cast<uint32_t>(offset);
  return StrCat(address >> 24, ".", (address >> 16) & 255, ".", (address >> 8) & 255, ".",
                address & 255);
}

bool ServiceAddresses::FindOffset(std::string_view ip, uint64_t& offset) const {
  uint32_t address = 0;
  if (!ParseIp(ip, address) || address <= base_) return false;
  offset = uint64_t{address} - base_ - 1;
  return offset < size_;
}

Result<Done> ServiceAddresses::Allocate(const kv::ReadView& view, Json& service, const Json* old,
                                        StoreTxn& txn) const {
  Attempt attempt(*this, view);
  KUBE_RETURN_IF_ERROR(attempt.TakeIp(service, old));
  KUBE_RETURN_IF_ERROR(attempt.TakePorts(service, old));
  attempt.AddTo(txn);
  return Done{};
}

Result<Done> ServiceAddresses::Release(const kv::ReadView& view, const Json& old,
                                       StoreTxn& txn) const {
  Attempt attempt(*this, view);
  KUBE_RETURN_IF_ERROR(attempt.GiveBackIp(old));
  KUBE_RETURN_IF_ERROR(attempt.GiveBackPorts(old, {}));
  attempt.AddTo(txn);
  return Done{};
}

}  // namespace pintle::server::kube

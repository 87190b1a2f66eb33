#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  const auto subsets = object.find("subsets");
  if (subsets == object.end()) return;
  for (Json& subset : *subsets) {
    const auto ports = subset.find("ports");
    if (ports == subset.end()) continue;
    for (Json& port : *ports) SetDefault(port, "protocol", "TCP");
  }
}

void ValidateAddress(const Json& address, const std::string& field, FieldErrors& errors) {
  const std::string ip = StringAt(address, {"ip"});
  if (!IsIpAddress(ip)) {
    AddInvalid(errors, field + ".ip", ip,
               "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    return;
  }
  static constexpr std::pair<const char*, const char*> kRefused[] = {
      {"127.", "may not be in the loopback range (127.0.0.0/8)"},
      {"169.254.", "may not be in the link-local range (169.254.0.0/16)"},
      {"224.0.0.", "may not be in the link-local multicast range (224.0.0.0/24)"}};
  for (const auto& [prefix, complaint] : kRefused) {
    if (ip.starts_with(prefix)) AddInvalid(errors, field + ".ip", ip, complaint);
  }
  if (ip == "0.0.0.0" || ip == "::") {
    AddInvalid(errors, field + ".ip", ip, "may not be unspecified (" + ip + ")");
  }
}

void ValidateSubset(const Json& subset, const std::string& field, FieldErrors& errors) {
  const Json& ready = At(subset, {"addresses"});
  const Json& not_ready = At(subset, {"notReadyAddresses"});
  if (ready.empty() && not_ready.empty()) {
    AddRequired(errors, field, "must specify `addresses` or `notReadyAddresses`");
  }
  for (size_t i = 0; i < ready.size(); ++i) {
    ValidateAddress(ready[i], Indexed(field + ".addresses", i), errors);
  }
  for (size_t i = 0; i < not_ready.size(); ++i) {
    ValidateAddress(not_ready[i], Indexed(field + ".notReadyAddresses", i), errors);
  }
  const Json& ports = At(subset, {"ports"});
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string at = Indexed(field + ".ports", i);
    const std::string name = StringAt(ports[i], {"name"});
    if (name.empty() && ports.size() > 1) AddRequired(errors, at + ".name");
    if (!name.empty()) AddComplaints(errors, at + ".name", name, CheckDns1123Label(name));
    ValidatePortNumber(At(ports[i], {"port"}), at + ".port", errors);
  }
}

void Validate(const Json& object, const Json*, FieldErrors& errors) {
  const Json& subsets = At(object, {"subsets"});
  for (size_t i = 0; i < subsets.size(); ++i) {
    ValidateSubset(subsets[i], Indexed("subsets", i), errors);
  }
}

// The first three "ip:port", and how many more.
std::string Summary(const Json& object) {
  constexpr int kShown = 3;
  std::string text;
  int count = 0;
  const auto add = [&](const std::string& endpoint) {
    if (++count > kShown) return;
    if (!text.empty()) text += ",";
    text += endpoint;
  };
  for (const Json& subset : At(object, {"subsets"})) {
    const Json& ports = At(subset, {"ports"});
    for (const Json& address : At(subset, {"addresses"})) {
      const std::string ip = StringAt(address, {"ip"});
      if (ports.empty()) add(ip);
      for (const Json& port : ports) {
        const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
        add(host + ":" + std::to_string(IntAt(port, {"port"})));
      }
    }
  }
  if (count > kShown) text += " + " + std::to_string(count - kShown) + " more...";
  return text.empty() ? "<none>" : text;
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  return {StringAt(object, {"metadata", "name"}), Summary(object), ObjectAge(object, now)};
}

}  // namespace

Resource EndpointsRow() {
  Resource row;
  row.version = "v1";
  row.plural = "endpoints";
  row.singular = "endpoints";
  row.kind = "Endpoints";
  row.short_names = {"ep"};
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/services/endpoints";
  row.definition = "io.k8s.api.core.v1.Endpoints";
  row.create_on_update = true;
  row.set_defaults = SetDefaults;
  row.validate = Validate;
  row.columns = {NameColumn(),
                 {"Endpoints", "string", "", "Addresses and ports that are ready.", 0},
                 AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube

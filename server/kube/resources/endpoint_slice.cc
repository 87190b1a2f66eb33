#include "server/kube/resources/field_error.h"
#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

void SetDefaults(Json& object) {
  const auto endpoints = object.find("endpoints");
  if (endpoints != object.end()) {
    for (Json& endpoint : *endpoints) MakeObject(endpoint, "conditions");
  }
  const auto ports = object.find("ports");
  if (ports == object.end()) return;
  for (Json& port : *ports) {
    SetDefault(port, "name", "");
    SetDefault(port, "protocol", "TCP");
  }
}

void Validate(const Json& object, const Json* old, FieldErrors& errors) {
  const std::string type = StringAt(object, {"addressType"});
  if (type.empty()) {
    AddRequired(errors, "addressType");
  } else if (type != "IPv4" && type != "IPv6" && type != "FQDN") {
    AddNotSupported(errors, "addressType", type, {"FQDN", "IPv4", "IPv6"});
  }
  if (old != nullptr) {
    ValidateImmutable(At(object, {"addressType"}), At(*old, {"addressType"}), "addressType",
                      errors);
  }
  const Json& endpoints = At(object, {"endpoints"});
  if (endpoints.size() > 1000) {
    errors.push_back(
        {FieldError::Type::kTooMany, "endpoints",
         "Too many: " + std::to_string(endpoints.size()) + ": must have at most 1000 items"});
    return;
  }
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const Json& addresses = At(endpoints[i], {"addresses"});
    const std::string field = Indexed("endpoints", i) + ".addresses";
    if (addresses.empty()) AddRequired(errors, field, "must contain at least 1 address");
    for (size_t k = 0; k < addresses.size() && type.starts_with("IPv"); ++k) {
      if (!IsIpAddress(addresses[k].get<std::string>())) {
        AddInvalid(errors, Indexed(field, k), addresses[k],
                   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
      }
    }
  }
}

// At most three, then how many more; "<unset>" for none.
std::string FirstThree(const std::vector<std::string>& parts) {
  if (parts.empty()) return "<unset>";
  std::string text;
  for (size_t i = 0; i < parts.size() && i < 3; ++i) text += (i > 0 ? "," : "") + parts[i];
  if (parts.size() > 3) text += " + " + std::to_string(parts.size() - 3) + " more...";
  return text;
}

std::vector<Json> Cells(const Json& object, absl::Time now) {
  std::vector<std::string> ports;
  for (const Json& port : At(object, {"ports"})) {
    const Json& number = At(port, {"port"});
    ports.push_back(number.is_number() ? std::to_string(number.get<int64_t>()) : "*");
  }
  std::vector<std::string> addresses;
  for (const Json& endpoint : At(object, {"endpoints"})) {
    for (const Json& address : At(endpoint, {"addresses"})) {
      addresses.push_back(address.get<std::string>());
    }
  }
  return {StringAt(object, {"metadata", "name"}), StringAt(object, {"addressType"}),
          FirstThree(ports), FirstThree(addresses), ObjectAge(object, now)};
}

}  // namespace

Resource EndpointSliceRow() {
  Resource row;
  row.group = "discovery.k8s.io";
  row.version = "v1";
  row.plural = "endpointslices";
  row.singular = "endpointslice";
  row.kind = "EndpointSlice";
  row.verbs = AllVerbs();
  row.storage_prefix = "/registry/endpointslices";
  row.definition = "io.k8s.api.discovery.v1.EndpointSlice";
  row.has_generation = true;
  row.set_defaults = SetDefaults;
  row.validate = Validate;
  row.columns = {NameColumn(),
                 {"AddressType", "string", "", "What kind of addresses it holds.", 0},
                 {"Ports", "string", "", "Ports of every endpoint in it.", 0},
                 {"Endpoints", "string", "", "Addresses of its endpoints.", 0},
                 AgeColumn()};
  row.row = Cells;
  return row;
}

}  // namespace pintle::server::kube

#include "server/kube/resources/kinds.h"
#include "server/kube/resources/row_parts.h"
#include "server/kube/resources/service_network.h"
#include "server/kube/resources/validation.h"

namespace pintle::server::kube {
namespace {

std::string OrNone(std::string text) { return text.empty() ? "<none>" : text; }

void AppendPart(std::string& text, const std::string& part) {
  if (part.empty()) return;
  if (!text.empty()) text += ",";
  text += part;
}

std::string ExternalIps(const Json& service) {
  const std::string type = StringAt(service, {"spec", "type"});
  if (type == "ExternalName") return StringAt(service, {"spec", "externalName"});
  std::string text;
  if (type == "LoadBalancer") {
    for (const Json& ingress : At(service, {"status", "loadBalancer", "ingress"})) {
      const std::string ip = StringAt(ingress, {"ip"});
      AppendPart(text, ip.empty() ? StringAt(ingress, {"hostname"}) : ip);
    }
  }
  for (const Json& ip : At(service, {"spec", "externalIPs"})) {
    AppendPart(text, ip.get<std::string>());
  }
  if (text.empty() && type == "LoadBalancer") return "<pending>";
  return OrNone(text);
}

// "80/TCP,443:30443/TCP".
std::string Ports(const Json& service) {
  std::string text;
  for (const Json& port : At(service, {"spec", "ports"})) {
    std::string part = std::to_string(IntAt(port, {"port"}));
    const int64_t node_port = IntAt(port, {"nodePort"});
    if (node_port > 0) part += ":" + std::to_string(node_port);
    AppendPart(text, part + "/" + StringAt(port, {"protocol"}));
  }
  return OrNone(text);
}

std::vector<Column> Columns() {
  return {NameColumn(),
          {"Type", "string", "", "How the service can be reached.", 0},
          {"Cluster-IP", "string", "", "Its address within the cluster.", 0},
          {"External-IP", "string", "", "Its addresses for clients outside.", 0},
          {"Port(s)", "string", "", "Its ports, with node ports behind a colon.", 0},
          AgeColumn(),
          WideColumn("Selector", "string", "Labels of the pods behind it.")};
}

std::vector<Json> Cells(const Json& service, absl::Time now) {
  return {StringAt(service, {"metadata", "name"}),
          StringAt(service, {"spec", "type"}),
          OrNone(StringAt(service, {"spec", "clusterIP"})),
          ExternalIps(service),
          Ports(service),
          ObjectAge(service, now),
          FormatLabels(At(service, {"spec", "selector"}))};
}

}  // namespace

Resource ServiceRow() {
  Resource row;
  row.version = "v1";
  row.plural = "services";
  row.singular = "service";
  row.kind = "Service";
  row.short_names = {"svc"};
  row.categories = {"all"};
  row.verbs = AllVerbsButDeleteCollection();
  row.subresources = {StatusSubresource()};
  row.storage_prefix = "/registry/services/specs";
  row.definition = "io.k8s.api.core.v1.Service";
  row.name_rule = NameRule::kDns1035Label;
  row.has_status = true;
  row.create_on_update = true;
  row.unconditional_update = false;
  row.set_defaults = SetServiceDefaults;
  row.prepare_for_create = [](Json& object, absl::Time) {
    object["status"] = {{"loadBalancer", Json::object()}};
  };
  row.prepare_for_update = CarryOverServiceNetwork;
  row.validate = ValidateService;
  row.columns = Columns();
  row.row = Cells;
  row.field_labels = {{"spec.clusterIP",
                       [](const Json& object) {
                         return StringAt(object, {"spec", "clusterIP"});
                       }},
                      {"spec.type", [](const Json& object) {
                         return StringAt(object, {"spec", "type"});
                       }}};
  return row;
}

}  // namespace pintle::server::kube

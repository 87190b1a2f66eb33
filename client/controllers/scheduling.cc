#include "client/controllers/scheduling.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/controllers/pod_util.h"
#include "client/controllers/quantity.h"
#include "client/selectors.h"

namespace pintle::client::controllers {
namespace {

void AddAmounts(ResourceAmounts& sum, const Json& requests) {
  if (!requests.is_object()) return;
  for (const auto& [name, amount] : requests.items()) sum[name] += QuantityOf(amount);
}

bool MatchesTerm(const Json& term, const Json& node) {
  const Json& expressions = Array(term, "matchExpressions");
  const Json& fields = Array(term, "matchFields");
  if (expressions.empty() && fields.empty()) return false;
  for (const Json& requirement : expressions) {
    if (!MatchesRequirement(requirement, At(node, "metadata.labels"))) return false;
  }
  const Json field_values{{"metadata.name", std::string(Name(node))}};
  for (const Json& requirement : fields) {
    if (!MatchesRequirement(requirement, field_values)) return false;
  }
  return true;
}

bool MatchesAffinity(const Json& pod, const Json& node) {
  if (!MatchesMap(At(pod, "spec.nodeSelector"), At(node, "metadata.labels"))) return false;
  const Json& required =
      At(pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
  if (required.is_null()) return true;
  for (const Json& term : Array(required, "nodeSelectorTerms")) {
    if (MatchesTerm(term, node)) return true;
  }
  return false;
}

bool ToleratesTaint(const Json& pod, const Json& taint) {
  for (const Json& toleration : Array(pod, "spec.tolerations")) {
    if (Tolerates(toleration, taint)) return true;
  }
  return false;
}

std::string WhyNotResources(const ResourceAmounts& requests, const NodeLoad& load) {
  const Json& allocatable = At(*load.node, "status.allocatable");
  if ((load.pods + 1) * 1000 > QuantityOf(At(allocatable, "pods"))) return "Too many pods";
  for (const auto& [name, amount] : requests) {
    if (amount == 0) continue;
    const auto available = allocatable.find(name);
    const int64_t total = available == allocatable.end() ? 0 : QuantityOf(*available);
    const auto used = load.requested.find(name);
    const int64_t taken = used == load.requested.end() ? 0 : used->second;
    if (taken + amount > total) return "Insufficient " + name;
  }
  return {};
}

std::string Summary(size_t nodes, const std::map<std::string, int>& reasons) {
  if (nodes == 0) return "no nodes available to schedule pods";
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons) parts.push_back(absl::StrCat(count, " ", reason));
  std::sort(parts.begin(), parts.end());
  return absl::StrCat("0/", nodes, " nodes are available: ", absl::StrJoin(parts, ", "), ".");
}

}  // namespace

ResourceAmounts PodRequests(const Json& pod) {
  ResourceAmounts sum;
  for (const Json& container : Array(pod, "spec.containers")) {
    AddAmounts(sum, At(container, "resources.requests"));
  }
  for (const Json& container : Array(pod, "spec.initContainers")) {
    ResourceAmounts one;
    AddAmounts(one, At(container, "resources.requests"));
    for (const auto& [name, amount] : one) sum[name] = std::max(sum[name], amount);
  }
  return sum;
}

void NodeLoad::Add(const Json& pod) {
  for (const auto& [name, amount] : PodRequests(pod)) requested[name] += amount;
  ++pods;
  const std::string_view controller = Str(ControllerRef(pod), "uid");
  if (!controller.empty()) ++pods_by_controller[std::string(controller)];
}

std::string WhyNot(const Json& pod, const ResourceAmounts& requests, const NodeLoad& load) {
  const Json& node = *load.node;
  static const Json& unschedulable =
      *new Json{{"key", "node.kubernetes.io/unschedulable"}, {"effect", "NoSchedule"}};
  if (Bool(node, "spec.unschedulable") && !ToleratesTaint(pod, unschedulable)) {
    return "node(s) were unschedulable";
  }
  if (!MatchesAffinity(pod, node)) return "node(s) didn't match Pod's node affinity/selector";
  for (const Json& taint : Array(node, "spec.taints")) {
    const std::string_view effect = Str(taint, "effect");
    if (effect == "PreferNoSchedule" || ToleratesTaint(pod, taint)) continue;
    return absl::StrCat("node(s) had untolerated taint {", std::string(Str(taint, "key")), ": ",
                        std::string(Str(taint, "value")), "}");
  }
  if (!IsReady(node) || Deleting(node)) return "node(s) were not ready";
  return WhyNotResources(requests, load);
}

Placement PlacePod(const Json& pod, const std::vector<NodeLoad>& nodes) {
  const ResourceAmounts requests = PodRequests(pod);
  const std::string controller(Str(ControllerRef(pod), "uid"));
  std::map<std::string, int> reasons;
  const NodeLoad* best = nullptr;
  const auto rank = [&](const NodeLoad& load) {
    const auto same = load.pods_by_controller.find(controller);
    const int64_t company = same == load.pods_by_controller.end() ? 0 : same->second;
    const auto cpu = load.requested.find("cpu");
    return std::tuple(company, load.pods, cpu == load.requested.end() ? 0 : cpu->second,
                      Name(*load.node));
  };
  for (const NodeLoad& load : nodes) {
    const std::string reason = WhyNot(pod, requests, load);
    if (!reason.empty()) {
      ++reasons[reason];
    } else if (best == nullptr || rank(load) < rank(*best)) {
      best = &load;
    }
  }
  if (best == nullptr) return {"", Summary(nodes.size(), reasons)};
  return {std::string(Name(*best->node)), ""};
}

}  // namespace pintle::client::controllers

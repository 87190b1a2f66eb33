#include "client/controllers/replica_set_reconcile.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/controllers/deployment_status.h"
#include "client/controllers/pod_util.h"
#include "client/selectors.h"

namespace pintle::client::controllers {
namespace {

constexpr int64_t kBurst = 500;

int PhaseRank(const Json& pod) {
  const std::string_view phase = Str(pod, "status.phase");
  if (phase == "Running") return 2;
  return phase == "Unknown" ? 1 : 0;
}

int64_t DeletionCost(const Json& pod) {
  const std::string_view text = Annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
  int64_t cost = 0;
  return absl::SimpleAtoi({text.data(), text.size()}, &cost) ? cost : 0;
}

// Smaller is deleted earlier.
auto DeletionRank(const ReplicaSetView& view, const Json& pod) {
  const std::string node(Str(pod, "spec.nodeName"));
  const auto related = view.related_by_node.find(node);
  const int64_t company =
      node.empty() || related == view.related_by_node.end() ? 0 : related->second;
  const bool ready = IsReady(pod);
  const auto age = [&](absl::Time since) { return absl::ToInt64Seconds(view.now - since); };
  return std::tuple(!node.empty(), PhaseRank(pod), ready, DeletionCost(pod), -company,
                    ready ? age(ReadySince(pod)) : 0, -RestartCount(pod), age(CreationTime(pod)),
                    std::string(Name(pod)));
}

}  // namespace

int64_t PodsMissing(const ReplicaSetView& view) {
  const int64_t wanted = Int(*view.set, "spec.replicas", 1);
  const int64_t have = static_cast<int64_t>(view.pods.size());
  return std::clamp(wanted - have, -kBurst, kBurst);
}

std::vector<ObjectPtr> PodsToDelete(const ReplicaSetView& view, size_t count) {
  using Ranked = std::pair<decltype(DeletionRank(view, *view.set)), ObjectPtr>;
  std::vector<Ranked> ranked;
  for (const ObjectPtr& pod : view.pods) ranked.emplace_back(DeletionRank(view, *pod), pod);
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& a, const Ranked& b) { return a.first < b.first; });
  std::vector<ObjectPtr> out;
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i) {
    out.push_back(std::move(ranked[i].second));
  }
  return out;
}

Json PodFromTemplate(const Json& set, const std::string& suffix) {
  const Json& pod_template = At(set, "spec.template");
  std::string prefix = absl::StrCat(std::string(Name(set)), "-");
  constexpr size_t kMaxPrefix = 58;  // so that prefix and suffix fit a label
  if (prefix.size() > kMaxPrefix) prefix.resize(kMaxPrefix);
  Json metadata{
      {"generateName", absl::StrCat(std::string(Name(set)), "-")},
      {"name", prefix + suffix},
      {"namespace", std::string(Namespace(set))},
      {"ownerReferences",
       Json::array({MakeControllerRef(ReplicaSets().ApiVersion(), ReplicaSets().kind, set)})}};
  for (const char* field : {"labels", "annotations", "finalizers"}) {
    const Json& value = At(At(pod_template, "metadata"), field);
    if (!value.is_null()) metadata[field] = value;
  }
  return Json{{"metadata", std::move(metadata)}, {"spec", At(pod_template, "spec")}};
}

Json ReplicaSetStatus(const ReplicaSetView& view, const std::string& failure_reason,
                      const std::string& failure_message) {
  const Json& set = *view.set;
  const Json& labels = At(set, "spec.template.metadata.labels");
  const absl::Duration min_ready = absl::Seconds(Int(set, "spec.minReadySeconds"));
  int64_t labeled = 0;
  int64_t ready = 0;
  int64_t available = 0;
  for (const ObjectPtr& pod : view.pods) {
    if (MatchesMap(labels, At(*pod, "metadata.labels"))) ++labeled;
    if (IsReady(*pod)) ++ready;
    if (IsAvailable(*pod, min_ready, view.now)) ++available;
  }
  Json status{{"replicas", view.pods.size()},
              {"observedGeneration", Int(set, "metadata.generation")},
              {"conditions", Array(set, "status.conditions")}};
  if (labeled > 0) status["fullyLabeledReplicas"] = labeled;
  if (ready > 0) status["readyReplicas"] = ready;
  if (available > 0) status["availableReplicas"] = available;
  if (failure_reason.empty()) {
    RemoveCondition(status, "ReplicaFailure");
  } else {
    SetCondition(status, "ReplicaFailure", "True", failure_reason, failure_message, view.now);
    status["conditions"].back().erase("lastUpdateTime");  // ReplicaSet conditions have none
  }
  if (status["conditions"].empty()) status.erase("conditions");
  return status;
}

}  // namespace pintle::client::controllers

#include "client/controllers/rolling_update.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string>

namespace pintle::client::controllers {
namespace {

std::vector<size_t> OldestFirst(const std::vector<ReplicaSetSize>& sets) {
  std::vector<size_t> order(sets.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sets[a].created < sets[b].created; });
  return order;
}

int64_t TotalReplicas(const std::vector<ReplicaSetSize>& sets) {
  int64_t total = 0;
  for (const ReplicaSetSize& set : sets) total += set.replicas;
  return total;
}

// What a set's part of the change is, by the share it had when it was last sized.
int64_t Share(const RolloutBounds& bounds, int64_t status_replicas, const ReplicaSetSize& set) {
  if (bounds.replicas == 0) return -set.replicas;
  const int64_t before =
      set.max_replicas_annotation >= 0 ? set.max_replicas_annotation : status_replicas;
  if (before <= 0) return 0;
  const double size = static_cast<double>(set.replicas) * static_cast<double>(bounds.max_total()) /
                      static_cast<double>(before);
  return static_cast<int64_t>(std::llround(size)) - set.replicas;
}

}  // namespace

int64_t ResolveIntOrPercent(const Json& value, int64_t total, bool round_up) {
  if (value.is_number_integer()) return value.get<int64_t>();
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr || text->empty() || text->back() != '%') return 0;
  const int64_t percent = std::strtoll(text->c_str(), nullptr, 10);
  const int64_t product = percent * total;
  return round_up ? (product + 99) / 100 : product / 100;
}

RolloutBounds BoundsOf(const Json& deployment) {
  RolloutBounds bounds;
  bounds.replicas = Int(deployment, "spec.replicas", 1);
  if (Str(deployment, "spec.strategy.type") == "Recreate") return bounds;
  static const Json& quarter = *new Json("25%");
  const Json& surge = At(deployment, "spec.strategy.rollingUpdate.maxSurge");
  const Json& missing = At(deployment, "spec.strategy.rollingUpdate.maxUnavailable");
  bounds.max_surge = ResolveIntOrPercent(surge.is_null() ? quarter : surge, bounds.replicas, true);
  bounds.max_unavailable =
      ResolveIntOrPercent(missing.is_null() ? quarter : missing, bounds.replicas, false);
  // Percentages of a small number can both come to nothing; then one pod may be missing, or it
  // would never end.
  if (bounds.max_surge == 0 && bounds.max_unavailable == 0) bounds.max_unavailable = 1;
  bounds.max_unavailable = std::min(bounds.max_unavailable, bounds.replicas);
  return bounds;
}

int64_t NewReplicaSetTarget(const RolloutBounds& bounds, const ReplicaSetSize& new_set,
                            const std::vector<ReplicaSetSize>& all_sets) {
  if (new_set.replicas >= bounds.replicas) return bounds.replicas;
  const int64_t room = bounds.max_total() - TotalReplicas(all_sets);
  if (room <= 0) return new_set.replicas;
  return new_set.replicas + std::min(room, bounds.replicas - new_set.replicas);
}

std::vector<int64_t> OldReplicaSetTargets(const RolloutBounds& bounds,
                                          const ReplicaSetSize& new_set,
                                          const std::vector<ReplicaSetSize>& old_sets) {
  std::vector<int64_t> targets;
  for (const ReplicaSetSize& set : old_sets) targets.push_back(set.replicas);
  const int64_t total = TotalReplicas(old_sets) + new_set.replicas;
  const int64_t max_down = total - bounds.min_available() - (new_set.replicas - new_set.available);
  if (TotalReplicas(old_sets) == 0 || max_down <= 0) return targets;

  // First the pods that serve nobody anyway.
  int64_t cleaned = 0;
  int64_t available = new_set.available;
  const std::vector<size_t> order = OldestFirst(old_sets);
  for (const size_t i : order) {
    const int64_t unhealthy = std::max<int64_t>(targets[i] - old_sets[i].available, 0);
    const int64_t down = std::min(max_down - cleaned, unhealthy);
    targets[i] -= down;
    cleaned += down;
    available += std::min(old_sets[i].available, targets[i]);
  }
  // Then as many available ones as there are to spare.
  int64_t spare = available - bounds.min_available();
  for (const size_t i : order) {
    if (spare <= 0) break;
    const int64_t down = std::min(targets[i], spare);
    targets[i] -= down;
    spare -= down;
  }
  return targets;
}

std::vector<int64_t> ProportionalTargets(const RolloutBounds& bounds, int64_t status_replicas,
                                         const std::vector<ReplicaSetSize>& sets) {
  std::vector<int64_t> targets;
  for (const ReplicaSetSize& set : sets) targets.push_back(set.replicas);
  const int64_t allowed = bounds.replicas > 0 ? bounds.max_total() : 0;
  const int64_t to_add = allowed - TotalReplicas(sets);
  if (to_add == 0 || sets.empty()) return targets;

  // Largest first; among equals the newer one grows first and the older one shrinks first.
  std::vector<size_t> order = OldestFirst(sets);
  if (to_add > 0) std::reverse(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sets[a].replicas > sets[b].replicas; });
  int64_t added = 0;
  for (const size_t i : order) {
    if (sets[i].replicas == 0 || added == to_add) continue;
    const int64_t share = Share(bounds, status_replicas, sets[i]);
    const int64_t left = to_add - added;
    const int64_t part = to_add > 0 ? std::min(share, left) : std::max(share, left);
    targets[i] += part;
    added += part;
  }
  // Rounding's remainder goes to the first.
  targets[order[0]] = std::max<int64_t>(targets[order[0]] + to_add - added, 0);
  return targets;
}

}  // namespace pintle::client::controllers

#include <algorithm>

#include "server/kube/resources/kinds.h"

namespace pintle::server::kube {
namespace {

// The core group first, then groups in alphabetical order: kubectl's short names prefer the
// earlier.
std::vector<Resource> MakeTable() {
  std::vector<Resource> rows;
  rows.push_back(ConfigMapRow());
  rows.push_back(EndpointsRow());
  rows.push_back(EventRow());
  rows.push_back(NamespaceRow());
  rows.push_back(NodeRow());
  rows.push_back(PodRow());
  rows.push_back(SecretRow());
  rows.push_back(ServiceAccountRow());
  rows.push_back(ServiceRow());
  rows.push_back(ControllerRevisionRow());
  rows.push_back(DaemonSetRow());
  rows.push_back(DeploymentRow());
  rows.push_back(ReplicaSetRow());
  rows.push_back(StatefulSetRow());
  rows.push_back(LeaseRow());
  rows.push_back(EndpointSliceRow());
  return rows;
}

template <typename Matches>
const Resource* FindIf(Matches matches) {
  const std::span<const Resource> rows = AllResources();
  const auto it = std::find_if(rows.begin(), rows.end(), matches);
  return it == rows.end() ? nullptr : &*it;
}

}  // namespace

const Subresource* Resource::FindSubresource(std::string_view subresource) const {
  for (const Subresource& candidate : subresources) {
    if (candidate.name == subresource) return &candidate;
  }
  return nullptr;
}

std::span<const Resource> AllResources() {
  static const std::vector<Resource>& rows = *new std::vector<Resource>(MakeTable());
  return rows;
}

const Resource* FindResource(std::string_view group, std::string_view version,
                             std::string_view plural) {
  return FindIf([&](const Resource& row) {
    return row.plural == plural && row.group == group && row.version == version;
  });
}

const Resource* FindResourceByKind(std::string_view group, std::string_view version,
                                   std::string_view kind) {
  return FindIf([&](const Resource& row) {
    return row.kind == kind && row.group == group && row.version == version;
  });
}

}  // namespace pintle::server::kube

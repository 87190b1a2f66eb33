#include "server/kube/discovery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/kube/media.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

constexpr std::string_view kDiscoveryGroup = "apidiscovery.k8s.io";

// Groups and versions in the order of the table, which is the order of preference.
struct GroupVersions {
  std::string group;
  std::vector<std::string> versions;
};

std::vector<GroupVersions> Groups() {
  std::vector<GroupVersions> groups;
  for (const Resource& row : AllResources()) {
    auto found = std::find_if(groups.begin(), groups.end(),
                              [&](const GroupVersions& each) { return each.group == row.group; });
    if (found == groups.end()) found = groups.insert(groups.end(), {row.group, {}});
    std::vector<std::string>& versions = found->versions;
    if (std::find(versions.begin(), versions.end(), row.version) == versions.end())
      versions.push_back(row.version);
  }
  return groups;
}

Json VersionEntry(const std::string& group, const std::string& version) {
  return {{"groupVersion", StrCat(group, "/", version)}, {"version", version}};
}

Json GroupDocument(const GroupVersions& group) {
  Json versions = Json::array();
  for (const std::string& version : group.versions)
    versions.push_back(VersionEntry(group.group, version));
  Json preferred = versions.front();
  return {{"name", group.group},
          {"versions", std::move(versions)},
          {"preferredVersion", std::move(preferred)}};
}

Json ResourceEntry(const Resource& row) {
  Json entry = {{"name", row.plural},
                {"singularName", row.singular},
                {"namespaced", row.namespaced},
                {"kind", row.kind},
                {"verbs", row.verbs}};
  if (!row.short_names.empty()) entry["shortNames"] = row.short_names;
  if (!row.categories.empty()) entry["categories"] = row.categories;
  return entry;
}

Json SubresourceEntry(const Resource& row, const Subresource& sub) {
  Json entry = {{"name", StrCat(row.plural, "/", sub.name)},
                {"singularName", ""},
                {"namespaced", row.namespaced},
                {"kind", sub.kind.empty() ? row.kind : sub.kind},
                {"verbs", sub.verbs}};
  const bool elsewhere =
      !sub.kind.empty() && (sub.group != row.group || sub.version != row.version);
  if (elsewhere && !sub.version.empty()) {
    if (!sub.group.empty()) entry["group"] = sub.group;
    entry["version"] = sub.version;
  }
  return entry;
}

Json ResponseKind(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", group}, {"version", version}, {"kind", kind}};
}

Json AggregatedResource(const Resource& row) {
  Json entry = {{"resource", row.plural},
                {"responseKind", ResponseKind(row.group, row.version, row.kind)},
                {"scope", row.namespaced ? "Namespaced" : "Cluster"},
                {"singularResource", row.singular},
                {"verbs", row.verbs}};
  if (!row.short_names.empty()) entry["shortNames"] = row.short_names;
  if (!row.categories.empty()) entry["categories"] = row.categories;
  for (const Subresource& sub : row.subresources) {
    const bool own = sub.kind.empty();
    entry["subresources"].push_back(
        {{"subresource", sub.name},
         {"responseKind", own ? ResponseKind(row.group, row.version, row.kind)
                              : ResponseKind(sub.group, sub.version, sub.kind)},
         {"verbs", sub.verbs}});
  }
  return entry;
}

Json AggregatedGroup(const GroupVersions& group) {
  Json metadata = {{"creationTimestamp", nullptr}};
  if (!group.group.empty()) metadata["name"] = group.group;
  Json versions = Json::array();
  for (const std::string& version : group.versions) {
    Json resources = Json::array();
    for (const Resource& row : AllResources()) {
      if (row.group == group.group && row.version == version)
        resources.push_back(AggregatedResource(row));
    }
    versions.push_back(
        {{"version", version}, {"freshness", "Current"}, {"resources", std::move(resources)}});
  }
  return {{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

}  // namespace

Json VersionDocument() {
  return {{"major", "1"},        {"minor", "33"},           {"gitVersion", kGitVersion},
          {"gitCommit", ""},     {"gitTreeState", "clean"}, {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", "none"}, {"compiler", "gcc"},       {"platform", "linux/amd64"}};
}

Json ApiVersions(std::string_view advertised_address) {
  return {{"kind", "APIVersions"},
          {"versions", Json::array({"v1"})},
          {"serverAddressByClientCIDRs",
           Json::array({{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", advertised_address}}})}};
}

Json ApiGroups() {
  Json groups = Json::array();
  for (const GroupVersions& group : Groups()) {
    if (!group.group.empty()) groups.push_back(GroupDocument(group));
  }
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

std::optional<Json> ApiGroup(std::string_view name) {
  for (const GroupVersions& group : Groups()) {
    if (group.group != name || name.empty()) continue;
    Json document = GroupDocument(group);
    document["kind"] = "APIGroup";
    document["apiVersion"] = "v1";
    return document;
  }
  return std::nullopt;
}

std::optional<Json> ApiResources(std::string_view group, std::string_view version) {
  Json resources = Json::array();
  for (const Resource& row : AllResources()) {
    if (row.group != group || row.version != version) continue;
    resources.push_back(ResourceEntry(row));
    for (const Subresource& sub : row.subresources) resources.push_back(SubresourceEntry(row, sub));
  }
  if (resources.empty()) return std::nullopt;
  const std::string group_version =
      group.empty() ? std::string(version) : StrCat(group, "/", version);
  Json list = {{"kind", "APIResourceList"},
               {"groupVersion", group_version},
               {"resources", std::move(resources)}};
  if (!group.empty()) list["apiVersion"] = "v1";
  return list;
}

Json AggregatedDiscovery(bool core, std::string_view version) {
  Json items = Json::array();
  for (const GroupVersions& group : Groups()) {
    if (group.group.empty() == core) items.push_back(AggregatedGroup(group));
  }
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", StrCat(kDiscoveryGroup, "/", version)},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

std::optional<std::string> AggregatedVersion(std::string_view accept) {
  for (const MediaClause& clause : ParseAccept(accept)) {
    const bool json = clause.type == "application/json" || clause.type == "*/*";
    if (!json) continue;
    if (clause.Parameter("as").empty()) return std::nullopt;
    const std::string_view version = clause.Parameter("v");
    if (clause.Parameter("as") == "APIGroupDiscoveryList" &&
        clause.Parameter("g") == kDiscoveryGroup && (version == "v2" || version == "v2beta1"))
      return std::string(version);
  }
  return std::nullopt;
}

}  // namespace pintle::server::kube

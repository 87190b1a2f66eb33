#include "server/etcd/peer_pages.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/etcd/downgrade.h"
#include "server/version.h"

namespace pintle::server::etcd {
namespace {

using Json = nlohmann::ordered_json;

// Ids are numbers here, and what is not known is left out, as etcd has it.
std::string MembersJson(const replica::LocalMember& member) {
  Json all = Json::array();
  for (const replica::ClusterMember& each : member.members()) {
    Json& entry = all.emplace_back(Json{{"id", each.id}, {"peerURLs", each.peer_urls}});
    if (each.is_learner || each.promotes_itself) entry["isLearner"] = true;
    if (!each.name.empty()) entry["name"] = each.name;
    if (!each.client_urls.empty()) entry["clientURLs"] = each.client_urls;
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::optional<replica::PeerPage> PeerPageAt(const replica::LocalMember& member,
                                            std::string_view path) {
  if (path == "/version") {
    return replica::PeerPage{
        .body = VersionJson(ReportedVersion(), ClusterVersion(member, ReportedClusterVersion()))};
  }
  if (path != "/members") return std::nullopt;
  return replica::PeerPage{
      .headers = absl::StrCat("X-Etcd-Cluster-Id: ", absl::Hex(member.status().cluster_id), "\r\n"),
      .body = MembersJson(member)};
}

}  // namespace pintle::server::etcd

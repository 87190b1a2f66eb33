// Discovery: what /api, /apis and their groups say of the resource table (kube-api §2), and
// /version. Pure functions of the table; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// What the façade says it is: DESIGN §3.
inline constexpr std::string_view kGitVersion = "v1.33.0+pintle";

Json VersionDocument();
Json ApiVersions(std::string_view advertised_address);  // GET /api
Json ApiGroups();                                       // GET /apis
std::optional<Json> ApiGroup(std::string_view group);   // GET /apis/<group>
std::optional<Json> ApiResources(std::string_view group, std::string_view version);

// The aggregated form: the core group, or all others; `version` of apidiscovery.k8s.io: "v2" or
// "v2beta1".
Json AggregatedDiscovery(bool core, std::string_view version);
// The Content-Type and version of the aggregated form that an Accept header prefers to the plain
// one; nullopt: plain.
std::optional<std::string> AggregatedVersion(std::string_view accept);

}  // namespace pintle::server::kube

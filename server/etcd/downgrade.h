// Maintenance.Downgrade (etcd-api 1.5): operators announce that they want to go back to the minor
// version before, or no longer.
//
// What it is to us: replicated state that every member tells, and the cluster's feature level stays
// where it is, so that a binary of before can still take a member over (docs/decisions/0012). Who
// validates, then enables: a linearizable read, then an entry of the log. Errors: below, and
// "etcdserver: not capable" while a member does not know the entry.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/etcd/service.h"

namespace pintle::server::etcd {

// "3.6", "3.6.4" or "3.6.4-rc.1" as a cluster's version, "3.6.0"; nullopt: no version.
std::optional<std::string> ParseClusterVersion(std::string_view text);
// The only one that may be gone back to; nullopt: there is none.
std::optional<std::string> VersionBefore(std::string_view cluster_version);

// What all members agree on, "3.7.0", and so what they store: the version to go back to, if there
// is one.
std::string ClusterVersion(const Service& service);
// `own`: of this binary.
std::string ClusterVersion(const replica::LocalMember& member, const std::string& own);
// The body of /version.
std::string VersionJson(const std::string& version, const std::string& cluster);

void RegisterDowngrade(net::GrpcRouter& router, ServicePtr service);

}  // namespace pintle::server::etcd

// etcdserverpb.Cluster: MemberList, MemberAdd, MemberRemove, MemberUpdate, MemberPromote
// (etcd-api 1.4). The rules and their errors are the leader's (server/replica/member_rules.h); here
// are only the shapes. Limit: kMostPeerUrls per member.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/etcd/service.h"

namespace pintle::server::etcd {

inline constexpr size_t kMostPeerUrls = 16;

void RegisterCluster(net::GrpcRouter& router, ServicePtr service);

// At least one, all of them peer URLs.
bool ArePeerUrls(const std::vector<std::string>& urls);

// The request for a new member, with its id. InvalidArgument, in etcd's words, for bad URLs.
absl::StatusOr<replica::MemberChange> NewMember(std::vector<std::string> peer_urls);

}  // namespace pintle::server::etcd

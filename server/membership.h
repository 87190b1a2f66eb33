// Membership: which member of which cluster this is, before it starts.
//
// A data-dir that has been used says it, and the --initial-… flags are ignored then, as with etcd.
// Else a new cluster is what --initial-cluster says; with --initial-cluster-state=existing the
// members that are named in it are asked.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "net/tls_policy.h"
#include "server/config.h"
#include "server/replica/local_member.h"
#include "server/replica/member_list.h"

namespace pintle::server {

struct Membership {
  uint64_t cluster_id = 0;
  uint64_t self = 0;
  // Who the cluster begins with; empty: it has begun, and its leader says who belongs to it.
  std::vector<replica::ClusterMember> members;
};

// What --initial-cluster and its token say.
Membership InitialMembership(const Config& config);

// Errors are one line and say what to do.
// `tls`: how the others are asked where their URLs are https; may be null.
absl::StatusOr<Membership> MembershipOf(const Config& config,
                                        const std::shared_ptr<net::TlsPolicy>& tls);

// Who belongs to the cluster now, by those that --initial-cluster names.
absl::StatusOr<replica::MemberList> AskMembers(const Config& config,
                                               const std::shared_ptr<net::TlsPolicy>& tls);

}  // namespace pintle::server

#include "server/etcd/auth_rules.h"

#include <algorithm>
#include <array>

namespace pintle::server::etcd {
namespace {

using enum AuthRule;

constexpr auto kTable = std::to_array<AuthRow>({
    {"/etcdserverpb.KV/Range", kInside},
    {"/etcdserverpb.KV/RangeStream", kInside},
    {"/etcdserverpb.KV/Put", kInside},
    {"/etcdserverpb.KV/DeleteRange", kInside},
    {"/etcdserverpb.KV/Txn", kInside},
    {"/etcdserverpb.KV/Compact", kInside},
    {"/etcdserverpb.Watch/Watch", kInside},
    {"/etcdserverpb.Lease/LeaseGrant", kUser},
    {"/etcdserverpb.Lease/LeaseRevoke", kUser},  // and its keys, at apply
    {"/etcdserverpb.Lease/LeaseKeepAlive", kInside},
    {"/etcdserverpb.Lease/LeaseTimeToLive", kUser},  // and its keys, when they are asked for
    {"/etcdserverpb.Lease/LeaseLeases", kInside},
    {"/etcdserverpb.Cluster/MemberAdd", kInside},  // bad URLs are told to anybody, as etcd does
    {"/etcdserverpb.Cluster/MemberRemove", kRoot},
    {"/etcdserverpb.Cluster/MemberUpdate", kRoot},
    {"/etcdserverpb.Cluster/MemberList", kUser},
    {"/etcdserverpb.Cluster/MemberPromote", kRoot},
    {"/etcdserverpb.Maintenance/Alarm", kUser},  // to change one, root, at apply
    {"/etcdserverpb.Maintenance/Status", kUser},
    {"/etcdserverpb.Maintenance/Defragment", kRoot},
    {"/etcdserverpb.Maintenance/Hash", kRoot},
    {"/etcdserverpb.Maintenance/HashKV", kRoot},
    {"/etcdserverpb.Maintenance/Snapshot", kRoot},
    {"/etcdserverpb.Maintenance/MoveLeader", kRoot},
    {"/etcdserverpb.Maintenance/Downgrade", kRoot},
    {"/etcdserverpb.Auth/AuthEnable", kInside},
    {"/etcdserverpb.Auth/AuthDisable", kInside},
    {"/etcdserverpb.Auth/AuthStatus", kUser},
    {"/etcdserverpb.Auth/Authenticate", kAnybody},
    // Hashing a password costs more than asking who wants it.
    {"/etcdserverpb.Auth/UserAdd", kRoot},
    {"/etcdserverpb.Auth/UserGet", kInside},
    {"/etcdserverpb.Auth/UserList", kInside},
    {"/etcdserverpb.Auth/UserDelete", kInside},
    {"/etcdserverpb.Auth/UserChangePassword", kRoot},
    {"/etcdserverpb.Auth/UserGrantRole", kInside},
    {"/etcdserverpb.Auth/UserRevokeRole", kInside},
    {"/etcdserverpb.Auth/RoleAdd", kInside},
    {"/etcdserverpb.Auth/RoleGet", kInside},
    {"/etcdserverpb.Auth/RoleList", kInside},
    {"/etcdserverpb.Auth/RoleDelete", kInside},
    {"/etcdserverpb.Auth/RoleGrantPermission", kInside},
    {"/etcdserverpb.Auth/RoleRevokePermission", kInside},
    // Their transactions and leases are proposed on behalf of the caller.
    {"/v3lockpb.Lock/Lock", kInside},
    {"/v3lockpb.Lock/Unlock", kInside},
    {"/v3electionpb.Election/Campaign", kInside},
    {"/v3electionpb.Election/Proclaim", kInside},
    {"/v3electionpb.Election/Leader", kInside},
    {"/v3electionpb.Election/Observe", kInside},
    {"/v3electionpb.Election/Resign", kInside},
    {"/grpc.health.v1.Health/Check", kAnybody},
    {"/grpc.health.v1.Health/Watch", kAnybody},
});

}  // namespace

std::span<const AuthRow> AuthTable() { return kTable; }

AuthRule AuthRuleOf(std::string_view path) {
  const auto* row = std::ranges::find(kTable, path, &AuthRow::path);
  return row == kTable.end() ? kRoot : row->rule;
}

}  // namespace pintle::server::etcd

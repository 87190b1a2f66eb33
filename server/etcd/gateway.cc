#include "server/etcd/gateway.h"

#include <google/protobuf/descriptor.h>

#include <array>
#include <utility>

#include "server/etcd/gateway_call.h"
#include "server/etcd/http_replies.h"

namespace pintle::server::etcd {
namespace {

constexpr std::string_view kPrefix = "/v3/";
constexpr std::string_view kOldPrefix = "/v3beta/";

// Below /v3/.
constexpr std::pair<std::string_view, std::string_view> kPaths[] = {
    {"kv/range", "etcdserverpb.KV.Range"},
    {"kv/put", "etcdserverpb.KV.Put"},
    {"kv/deleterange", "etcdserverpb.KV.DeleteRange"},
    {"kv/txn", "etcdserverpb.KV.Txn"},
    {"kv/compaction", "etcdserverpb.KV.Compact"},
    {"watch", "etcdserverpb.Watch.Watch"},
    {"lease/grant", "etcdserverpb.Lease.LeaseGrant"},
    {"lease/revoke", "etcdserverpb.Lease.LeaseRevoke"},
    {"kv/lease/revoke", "etcdserverpb.Lease.LeaseRevoke"},
    {"lease/keepalive", "etcdserverpb.Lease.LeaseKeepAlive"},
    {"lease/timetolive", "etcdserverpb.Lease.LeaseTimeToLive"},
    {"kv/lease/timetolive", "etcdserverpb.Lease.LeaseTimeToLive"},
    {"lease/leases", "etcdserverpb.Lease.LeaseLeases"},
    {"kv/lease/leases", "etcdserverpb.Lease.LeaseLeases"},
    {"cluster/member/add", "etcdserverpb.Cluster.MemberAdd"},
    {"cluster/member/remove", "etcdserverpb.Cluster.MemberRemove"},
    {"cluster/member/update", "etcdserverpb.Cluster.MemberUpdate"},
    {"cluster/member/list", "etcdserverpb.Cluster.MemberList"},
    {"cluster/member/promote", "etcdserverpb.Cluster.MemberPromote"},
    {"maintenance/alarm", "etcdserverpb.Maintenance.Alarm"},
    {"maintenance/status", "etcdserverpb.Maintenance.Status"},
    {"maintenance/defragment", "etcdserverpb.Maintenance.Defragment"},
    {"maintenance/hash", "etcdserverpb.Maintenance.Hash"},
    {"maintenance/hashkv", "etcdserverpb.Maintenance.HashKV"},
    {"maintenance/snapshot", "etcdserverpb.Maintenance.Snapshot"},
    {"maintenance/transfer-leadership", "etcdserverpb.Maintenance.MoveLeader"},
    {"maintenance/downgrade", "etcdserverpb.Maintenance.Downgrade"},
    {"auth/enable", "etcdserverpb.Auth.AuthEnable"},
    {"auth/disable", "etcdserverpb.Auth.AuthDisable"},
    {"auth/status", "etcdserverpb.Auth.AuthStatus"},
    {"auth/authenticate", "etcdserverpb.Auth.Authenticate"},
    {"auth/user/add", "etcdserverpb.Auth.UserAdd"},
    {"auth/user/get", "etcdserverpb.Auth.UserGet"},
    {"auth/user/list", "etcdserverpb.Auth.UserList"},
    {"auth/user/delete", "etcdserverpb.Auth.UserDelete"},
    {"auth/user/changepw", "etcdserverpb.Auth.UserChangePassword"},
    {"auth/user/grant", "etcdserverpb.Auth.UserGrantRole"},
    {"auth/user/revoke", "etcdserverpb.Auth.UserRevokeRole"},
    {"auth/role/add", "etcdserverpb.Auth.RoleAdd"},
    {"auth/role/get", "etcdserverpb.Auth.RoleGet"},
    {"auth/role/list", "etcdserverpb.Auth.RoleList"},
    {"auth/role/delete", "etcdserverpb.Auth.RoleDelete"},
    {"auth/role/grant", "etcdserverpb.Auth.RoleGrantPermission"},
    {"auth/role/revoke", "etcdserverpb.Auth.RoleRevokePermission"},
    {"lock/lock", "v3lockpb.Lock.Lock"},
    {"lock/unlock", "v3lockpb.Lock.Unlock"},
    {"election/campaign", "v3electionpb.Election.Campaign"},
    {"election/proclaim", "v3electionpb.Election.Proclaim"},
    {"election/leader", "v3electionpb.Election.Leader"},
    {"election/observe", "v3electionpb.Election.Observe"},
    {"election/resign", "v3electionpb.Election.Resign"},
};

}  // namespace

Gateway::Gateway(const net::GrpcRouter& router) : router_(router) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const auto& [path, method] : kPaths) {
    methods_.emplace(path, pool->FindMethodByName(std::string(method)));
  }
}

bool Gateway::Handle(const net::HttpRequest& request,
                     const std::shared_ptr<net::HttpExchange>& exchange) const {
  std::string_view path = request.path;
  if (path == "/v3") {
    RespondMoved(*exchange, request.method, "/v3/");
    return true;
  }
  const std::string_view prefix = path.starts_with(kOldPrefix) ? kOldPrefix : kPrefix;
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  const auto method = methods_.find(path);
  const bool known = method != methods_.end();
  const absl::Status unknown = absl::NotFoundError("Not Found");
  if (net::OffersWebSocket(request)) {
    if (!known) {
      GatewayCall::RespondErrorBySocket(*exchange, unknown);
    } else {
      std::make_shared<GatewayCall>(*method->second, exchange)->BeginWebSocket(router_, request);
    }
  } else if (!known) {
    GatewayCall::RespondError(*exchange, unknown);
  } else if (request.method != "POST") {
    GatewayCall::RespondError(*exchange, absl::UnimplementedError("Method Not Allowed"));
  } else {
    std::make_shared<GatewayCall>(*method->second, exchange)->Begin(router_, request);
  }
  return true;
}

int HttpStatusOfGrpc(int code) {
  // OK, Canceled, Unknown, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists,
  // PermissionDenied, ResourceExhausted, FailedPrecondition, Aborted, OutOfRange, Unimplemented,
  // Internal, Unavailable, DataLoss, Unauthenticated.
  constexpr std::array kStatus = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                  400, 409, 400, 501, 500, 503, 500, 401};
  return code >= 0 && code < static_cast<int>(kStatus.size()) ? kStatus[static_cast<size_t>(code)]
                                                              : 500;
}

}  // namespace pintle::server::etcd

#include "server/etcd/auth_service.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "kv/auth/errors.h"
#include "proto/etcd/rpc.pb.h"
#include "server/etcd/auth_caller.h"
#include "server/etcd/auth_login.h"
#include "server/etcd/auth_passwords.h"
#include "server/etcd/replies.h"
#include "server/replica/errors.h"

namespace pintle::server::etcd {
namespace {

using CallPtr = std::shared_ptr<net::GrpcCall>;
using kv::auth::AuthState;
using kv::auth::Caller;
using replica::RequestKind;

const std::string kPrefix = "/etcdserverpb.Auth/";

// Proposes; the answer is nothing but its header.
void Change(const ServicePtr& service, RequestKind kind, std::string bytes, const CallPtr& call) {
  ProposeThen(*service, kind, std::move(bytes), call,
              [service, call](const replica::Applied& applied) {
                call->Reply(EncodeHeaderOnly(FactsOf(service->member), applied.revision));
              });
}

template <typename Proto>
void AddChange(net::GrpcRouter& router, const ServicePtr& service, const std::string& method,
               RequestKind kind) {
  AddUnary<Proto>(router, kPrefix + method, service,
                  [kind](const ServicePtr& own, const Proto&, std::string bytes, CallPtr call) {
                    Change(own, kind, std::move(bytes), call);
                  });
}

// The password is hashed here, and only the hash leaves this member.
template <typename Proto>
void HashAndChange(const ServicePtr& service, RequestKind kind, Proto request, CallPtr call) {
  const std::string password = request.password();
  request.clear_password();
  const bool taken = service->passwords->Do([service, kind, password, call,
                                             request = std::move(request)]() mutable {
    const auto hash = HashPassword(password, service->options.auth.bcrypt_cost);
    if (hash.ok()) {
      std::string base64;
      absl::Base64Escape(*hash, &base64);
      request.set_hashedpassword(std::move(base64));
    }
    OnCallThread(call, [service, kind, call, status = hash.status(), request = std::move(request)] {
      if (!status.ok()) return call->Finish(status);
      Change(service, kind, request.SerializeAsString(), call);
    });
  });
  if (!taken) call->Finish(replica::ErrTooManyRequests());
}

void UserAdd(const ServicePtr& service, const etcdserverpb::AuthUserAddRequest& request,
             std::string, CallPtr call) {
  if (!request.options().no_password()) {
    return HashAndChange(service, RequestKind::kAuthUserAdd, request, std::move(call));
  }
  etcdserverpb::AuthUserAddRequest without = request;
  without.clear_password();
  without.clear_hashedpassword();
  Change(service, RequestKind::kAuthUserAdd, without.SerializeAsString(), call);
}

void UserChangePassword(const ServicePtr& service,
                        const etcdserverpb::AuthUserChangePasswordRequest& request, std::string,
                        CallPtr call) {
  const RequestKind kind = RequestKind::kAuthUserChangePassword;
  if (!request.password().empty()) return HashAndChange(service, kind, request, std::move(call));
  // As etcd: an empty one is not hashed, and no password fits any more.
  etcdserverpb::AuthUserChangePasswordRequest without = request;
  without.clear_hashedpassword();
  Change(service, kind, without.SerializeAsString(), call);
}

// Reads of the auth state go the way of linearizable reads, where etcd sends them through its log.
template <typename Response, typename Fill>
void Show(const ServicePtr& service, const CallPtr& call, Fill fill) {
  ReadAs(*service, /*serializable=*/false, call,
         [service, call, fill = std::move(fill)](const kv::ReadView& view, const Caller& caller) {
           Response response;
           if (absl::Status refused = fill(view.auth(), caller, response); !refused.ok()) {
             return call->Finish(refused);
           }
           const HeaderFacts facts = FactsOf(service->member);
           response.mutable_header()->set_cluster_id(facts.cluster_id);
           response.mutable_header()->set_member_id(facts.member_id);
           response.mutable_header()->set_raft_term(facts.raft_term);
           response.mutable_header()->set_revision(view.revision());
           call->Reply(response.SerializeAsString());
         });
}

void Status(const ServicePtr& service, const etcdserverpb::AuthStatusRequest&, std::string,
            CallPtr call) {
  using Response = etcdserverpb::AuthStatusResponse;
  Show<Response>(service, call, [](const AuthState& auth, const Caller&, Response& response) {
    response.set_enabled(auth.enabled());
    response.set_authrevision(auth.revision());
    return absl::OkStatus();
  });
}

// Everybody may look at himself.
void UserGet(const ServicePtr& service, const etcdserverpb::AuthUserGetRequest& request,
             std::string, CallPtr call) {
  using Response = etcdserverpb::AuthUserGetResponse;
  Show<Response>(
      service, call,
      [name = request.name()](const AuthState& auth, const Caller& caller, Response& response) {
        absl::Status refused = auth.CheckRoot(caller);
        if (!refused.ok() && name != caller.user) return refused;
        const kv::auth::User* user = auth.FindUser(name);
        if (user == nullptr) return kv::auth::ErrUserNotFound();
        for (const std::string& role : user->roles) response.add_roles(role);
        return absl::OkStatus();
      });
}

void UserList(const ServicePtr& service, const etcdserverpb::AuthUserListRequest&, std::string,
              CallPtr call) {
  using Response = etcdserverpb::AuthUserListResponse;
  Show<Response>(service, call,
                 [](const AuthState& auth, const Caller& caller, Response& response) {
                   for (const auto& [name, user] : auth.users()) response.add_users(name);
                   return auth.CheckRoot(caller);
                 });
}

void Authenticate(const ServicePtr& service, const etcdserverpb::AuthenticateRequest& request,
                  std::string, CallPtr call) {
  LogIn(service, request, std::move(call));
}

void ShowPermission(const kv::auth::Permission& permission, authpb::Permission& out) {
  out.set_permtype(static_cast<authpb::Permission::Type>(permission.type));
  out.set_key(permission.range.key);
  out.set_range_end(permission.range.end);
}

// And at the roles that one has. The role root has one permission, whatever was granted to it.
void RoleGet(const ServicePtr& service, const etcdserverpb::AuthRoleGetRequest& request,
             std::string, CallPtr call) {
  using Response = etcdserverpb::AuthRoleGetResponse;
  Show<Response>(
      service, call,
      [name = request.role()](const AuthState& auth, const Caller& caller, Response& response) {
        absl::Status refused = auth.CheckRoot(caller);
        if (!refused.ok() && !auth.HasRole(caller.user, name)) return refused;
        const kv::auth::Role* role = auth.FindRole(name);
        if (role == nullptr) return kv::auth::ErrRoleNotFound();
        if (name == kv::auth::kRoot) {
          ShowPermission({kv::auth::kReadWrite, {"", std::string(1, '\0')}}, *response.add_perm());
          return absl::OkStatus();
        }
        for (const auto& permission : role->permissions) {
          ShowPermission(permission, *response.add_perm());
        }
        return absl::OkStatus();
      });
}

void RoleList(const ServicePtr& service, const etcdserverpb::AuthRoleListRequest&, std::string,
              CallPtr call) {
  using Response = etcdserverpb::AuthRoleListResponse;
  Show<Response>(service, call,
                 [](const AuthState& auth, const Caller& caller, Response& response) {
                   for (const auto& [name, role] : auth.roles()) response.add_roles(name);
                   return auth.CheckRoot(caller);
                 });
}

}  // namespace

void RegisterAuth(net::GrpcRouter& router, ServicePtr service) {
  using namespace etcdserverpb;  // NOLINT(google-build-using-namespace): seventeen messages
  AddChange<AuthEnableRequest>(router, service, "AuthEnable", RequestKind::kAuthEnable);
  AddChange<AuthDisableRequest>(router, service, "AuthDisable", RequestKind::kAuthDisable);
  AddUnary<AuthStatusRequest>(router, kPrefix + "AuthStatus", service, Status);
  AddUnary<AuthenticateRequest>(router, kPrefix + "Authenticate", service, Authenticate);
  AddUnary<AuthUserAddRequest>(router, kPrefix + "UserAdd", service, UserAdd);
  AddUnary<AuthUserGetRequest>(router, kPrefix + "UserGet", service, UserGet);
  AddUnary<AuthUserListRequest>(router, kPrefix + "UserList", service, UserList);
  AddChange<AuthUserDeleteRequest>(router, service, "UserDelete", RequestKind::kAuthUserDelete);
  AddUnary<AuthUserChangePasswordRequest>(router, kPrefix + "UserChangePassword", service,
                                          UserChangePassword);
  AddChange<AuthUserGrantRoleRequest>(router, service, "UserGrantRole",
                                      RequestKind::kAuthUserGrantRole);
  AddChange<AuthUserRevokeRoleRequest>(router, service, "UserRevokeRole",
                                       RequestKind::kAuthUserRevokeRole);
  AddChange<AuthRoleAddRequest>(router, service, "RoleAdd", RequestKind::kAuthRoleAdd);
  AddUnary<AuthRoleGetRequest>(router, kPrefix + "RoleGet", service, RoleGet);
  AddUnary<AuthRoleListRequest>(router, kPrefix + "RoleList", service, RoleList);
  AddChange<AuthRoleDeleteRequest>(router, service, "RoleDelete", RequestKind::kAuthRoleDelete);
  AddChange<AuthRoleGrantPermissionRequest>(router, service, "RoleGrantPermission",
                                            RequestKind::kAuthRoleGrantPermission);
  AddChange<AuthRoleRevokePermissionRequest>(router, service, "RoleRevokePermission",
                                             RequestKind::kAuthRoleRevokePermission);
}

}  // namespace pintle::server::etcd

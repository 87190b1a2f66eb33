#include "server/replica/auth_codec.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/etcd/rpc.pb.h"

namespace pintle::server::replica {
namespace {

namespace auth = kv::auth;
using Decoded = absl::StatusOr<auth::Request>;

std::optional<std::string> HashOf(const std::string& base64) {
  std::string hash;
  if (!absl::Base64Unescape(base64, &hash)) return std::nullopt;
  return hash;
}

absl::Status NoHash() { return absl::InvalidArgumentError("log entry has no hashed password"); }

Decoded Convert(const etcdserverpb::AuthEnableRequest&) { return auth::Request(auth::Enable{}); }
Decoded Convert(const etcdserverpb::AuthDisableRequest&) { return auth::Request(auth::Disable{}); }

Decoded Convert(const etcdserverpb::InternalAuthenticateRequest& request) {
  return auth::Request(auth::Authenticate{request.name(), request.simple_token()});
}

Decoded Convert(const etcdserverpb::AuthUserAddRequest& request) {
  auto hash = HashOf(request.hashedpassword());
  if (!hash.has_value()) return NoHash();
  return auth::Request(
      auth::UserAdd{request.name(), *std::move(hash), request.options().no_password()});
}

Decoded Convert(const etcdserverpb::AuthUserDeleteRequest& request) {
  return auth::Request(auth::UserDelete{request.name()});
}

Decoded Convert(const etcdserverpb::AuthUserChangePasswordRequest& request) {
  auto hash = HashOf(request.hashedpassword());
  if (!hash.has_value()) return NoHash();
  return auth::Request(auth::UserChangePassword{request.name(), *std::move(hash)});
}

Decoded Convert(const etcdserverpb::AuthUserGrantRoleRequest& request) {
  return auth::Request(auth::UserGrantRole{request.user(), request.role()});
}

Decoded Convert(const etcdserverpb::AuthUserRevokeRoleRequest& request) {
  return auth::Request(auth::UserRevokeRole{request.name(), request.role()});
}

Decoded Convert(const etcdserverpb::AuthRoleAddRequest& request) {
  return auth::Request(auth::RoleAdd{request.name()});
}

Decoded Convert(const etcdserverpb::AuthRoleDeleteRequest& request) {
  return auth::Request(auth::RoleDelete{request.role()});
}

Decoded Convert(const etcdserverpb::AuthRoleGrantPermissionRequest& request) {
  auth::RoleGrantPermission grant{.role = request.name()};
  if (request.has_perm()) {
    const authpb::Permission& permission = request.perm();
    grant.permission = {.type = permission.permtype(),
                        .range = {permission.key(), permission.range_end()}};
  }
  return auth::Request(std::move(grant));
}

Decoded Convert(const etcdserverpb::AuthRoleRevokePermissionRequest& request) {
  return auth::Request(
      auth::RoleRevokePermission{request.role(), {request.key(), request.range_end()}});
}

template <typename Proto>
Decoded Decode(std::string_view body) {
  Proto message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("log entry is no ", message.GetTypeName(), " message"));
  }
  return Convert(message);
}

}  // namespace

std::optional<Decoded> DecodeAuthRequest(RequestKind kind, std::string_view body) {
  switch (kind) {
    case RequestKind::kAuthEnable:
      return Decode<etcdserverpb::AuthEnableRequest>(body);
    case RequestKind::kAuthDisable:
      return Decode<etcdserverpb::AuthDisableRequest>(body);
    case RequestKind::kAuthenticate:
      return Decode<etcdserverpb::InternalAuthenticateRequest>(body);
    case RequestKind::kAuthUserAdd:
      return Decode<etcdserverpb::AuthUserAddRequest>(body);
    case RequestKind::kAuthUserDelete:
      return Decode<etcdserverpb::AuthUserDeleteRequest>(body);
    case RequestKind::kAuthUserChangePassword:
      return Decode<etcdserverpb::AuthUserChangePasswordRequest>(body);
    case RequestKind::kAuthUserGrantRole:
      return Decode<etcdserverpb::AuthUserGrantRoleRequest>(body);
    case RequestKind::kAuthUserRevokeRole:
      return Decode<etcdserverpb::AuthUserRevokeRoleRequest>(body);
    case RequestKind::kAuthRoleAdd:
      return Decode<etcdserverpb::AuthRoleAddRequest>(body);
    case RequestKind::kAuthRoleDelete:
      return Decode<etcdserverpb::AuthRoleDeleteRequest>(body);
    case RequestKind::kAuthRoleGrantPermission:
      return Decode<etcdserverpb::AuthRoleGrantPermissionRequest>(body);
    case RequestKind::kAuthRoleRevokePermission:
      return Decode<etcdserverpb::AuthRoleRevokePermissionRequest>(body);
    default:
      return std::nullopt;
  }
}

}  // namespace pintle::server::replica

// What changes users and roles: one struct for each of etcd's requests that does (etcd-api 1.8.1).
// Passwords are hashed by the member that takes the request: no log ever holds one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "kv/auth/types.h"

namespace pintle::kv::auth {

struct Enable {};
struct Disable {};

// The password has been found right. Changes nothing; that it goes through the log makes the token
// good on every member at the same place.
struct Authenticate {
  std::string name;
  // Simple tokens: what comes before the index. Empty: the token is not the members' matter.
  std::string token_prefix;
};

struct UserAdd {
  std::string name;
  std::string password_hash;
  bool no_password = false;
};
struct UserDelete {
  std::string name;
};
struct UserChangePassword {
  std::string name;
  std::string password_hash;
};
struct UserGrantRole {
  std::string user;
  std::string role;
};
struct UserRevokeRole {
  std::string user;
  std::string role;
};

struct RoleAdd {
  std::string name;
};
struct RoleDelete {
  std::string name;
};
struct RoleGrantPermission {
  std::string role;
  std::optional<Permission> permission;  // none: refused, as etcd does at apply
};
struct RoleRevokePermission {
  std::string role;
  KeyRange range;
};

using Request = std::variant<Enable, Disable, Authenticate, UserAdd, UserDelete, UserChangePassword,
                             UserGrantRole, UserRevokeRole, RoleAdd, RoleDelete,
                             RoleGrantPermission, RoleRevokePermission>;

}  // namespace pintle::kv::auth

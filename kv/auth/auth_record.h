// Byte layout of users and roles in the backend: authpb's messages, so that etcd's backups hold the
// same bytes. docs/formats/kv-records.md is the specification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/auth/auth_state.h"
#include "kv/auth/types.h"

namespace pintle::kv::auth {

// 'r' + name and 'u' + name. The server's own state ('s') lies between them.
std::string RoleKey(std::string_view name);
std::string EndOfRoleKeys();
std::string UserKey(std::string_view name);
std::string EndOfUserKeys();

std::string EncodeUser(const User& user);
std::optional<User> ParseUser(std::string_view bytes);

std::string EncodeRole(std::string_view name, const std::vector<Permission>& permissions);
struct StoredRole {
  std::string name;
  std::vector<Permission> permissions;
};
std::optional<StoredRole> ParseRole(std::string_view bytes);

// The rest, kept among the server's state under this name: one byte 1 when enabled, fixed64
// revision. Absent: off, revision 1.
inline constexpr std::string_view kAuthMetaName = "auth";
struct AuthSwitch {
  bool enabled = false;
  uint64_t revision = 1;
};
std::string EncodeSwitch(const AuthSwitch& state);
std::optional<AuthSwitch> ParseSwitch(std::string_view bytes);

}  // namespace pintle::kv::auth

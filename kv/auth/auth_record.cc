#include "kv/auth/auth_record.h"

#include <algorithm>

#include "base/byte_codec.h"

namespace pintle::kv::auth {
namespace {

constexpr char kRolePrefix = 'r';
constexpr char kUserPrefix = 'u';

// authpb.User
constexpr uint32_t kName = 1;
constexpr uint32_t kPassword = 2;
constexpr uint32_t kRoles = 3;
constexpr uint32_t kOptions = 4;
constexpr uint32_t kNoPassword = 1;  // authpb.UserAddOptions
// authpb.Role
constexpr uint32_t kKeyPermission = 2;
// authpb.Permission
constexpr uint32_t kType = 1;
constexpr uint32_t kKey = 2;
constexpr uint32_t kRangeEnd = 3;

std::string Prefixed(char prefix, std::string_view name) {
  std::string key(1, prefix);
  key.append(name);
  return key;
}

bool ParseOptions(std::string_view bytes, User& user) {
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == kNoPassword) user.no_password = field.integer != 0;
  }
  return reader.ok();
}

bool ParsePermission(std::string_view bytes, Permission& permission) {
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == kType) permission.type = static_cast<int32_t>(field.integer);
    if (field.number == kKey) permission.range.key = field.bytes;
    if (field.number == kRangeEnd) permission.range.end = field.bytes;
  }
  return reader.ok();
}

}  // namespace

std::string RoleKey(std::string_view name) { return Prefixed(kRolePrefix, name); }
std::string EndOfRoleKeys() { return std::string(1, kRolePrefix + 1); }
std::string UserKey(std::string_view name) { return Prefixed(kUserPrefix, name); }
std::string EndOfUserKeys() { return std::string(1, kUserPrefix + 1); }

std::string EncodeUser(const User& user) {
  std::string out;
  base::AppendBytesField(out, kName, user.name);
  base::AppendBytesField(out, kPassword, user.password_hash);
  for (const std::string& role : user.roles) base::AppendMessageField(out, kRoles, role);
  std::string options;
  base::AppendVarintField(options, kNoPassword, user.no_password ? 1 : 0);
  base::AppendMessageField(out, kOptions, options);
  return out;
}

std::optional<User> ParseUser(std::string_view bytes) {
  User user;
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == kName) user.name = field.bytes;
    if (field.number == kPassword) user.password_hash = field.bytes;
    if (field.number == kRoles) user.roles.emplace_back(field.bytes);
    if (field.number == kOptions && !ParseOptions(field.bytes, user)) return std::nullopt;
  }
  if (!reader.ok() || !std::ranges::is_sorted(user.roles)) return std::nullopt;
  return user;
}

std::string EncodeRole(std::string_view name, const std::vector<Permission>& permissions) {
  std::string out;
  base::AppendBytesField(out, kName, name);
  for (const Permission& permission : permissions) {
    std::string encoded;
    base::AppendVarintField(encoded, kType, static_cast<uint64_t>(int64_t{permission.type}));
    base::AppendBytesField(encoded, kKey, permission.range.key);
    base::AppendBytesField(encoded, kRangeEnd, permission.range.end);
    base::AppendMessageField(out, kKeyPermission, encoded);
  }
  return out;
}

std::optional<StoredRole> ParseRole(std::string_view bytes) {
  StoredRole role;
  base::ByteReader reader(bytes);
  base::WireField field;
  while (base::NextField(reader, field)) {
    if (field.number == kName) role.name = field.bytes;
    if (field.number == kKeyPermission &&
        !ParsePermission(field.bytes, role.permissions.emplace_back())) {
      return std::nullopt;
    }
  }
  if (!reader.ok()) return std::nullopt;
  return role;
}

std::string EncodeSwitch(const AuthSwitch& state) {
  std::string out(1, state.enabled ? '\1' : '\0');
  base::AppendFixed64(out, state.revision);
  return out;
}

std::optional<AuthSwitch> ParseSwitch(std::string_view bytes) {
  AuthSwitch state;
  base::ByteReader reader(bytes);
  std::string_view enabled;
  reader.TakeBytes(1, enabled);
  reader.TakeFixed64(state.revision);
  if (!reader.ok() || !reader.empty() || (enabled[0] & ~1) != 0) return std::nullopt;
  state.enabled = enabled[0] == 1;
  return state;
}

}  // namespace pintle::kv::auth

#include "kv/auth/auth_state.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "kv/auth/errors.h"

namespace pintle::kv::auth {
namespace {

KeyIntervals IntervalsOf(const std::vector<Permission>& permissions, int32_t type) {
  std::vector<KeyRange> ranges;
  for (const Permission& permission : permissions) {
    if (permission.type == type || permission.type == kReadWrite)
      ranges.push_back(permission.range);
  }
  return KeyIntervals(ranges);
}

bool Has(const User& user, std::string_view role) {
  return std::binary_search(user.roles.begin(), user.roles.end(), role);
}

}  // namespace

Role::Role(std::string role_name, std::vector<Permission> role_permissions)
    : name(std::move(role_name)),
      permissions(std::move(role_permissions)),
      readable(IntervalsOf(permissions, kRead)),
      writable(IntervalsOf(permissions, kWrite)) {}

const User* AuthState::FindUser(std::string_view name) const {
  const auto it = users_.find(name);
  return it == users_.end() ? nullptr : it->second.get();
}

const Role* AuthState::FindRole(std::string_view name) const {
  const auto it = roles_.find(name);
  return it == roles_.end() ? nullptr : it->second.get();
}

bool AuthState::HasRole(std::string_view user, std::string_view role) const {
  const User* found = FindUser(user);
  return found != nullptr && Has(*found, role);
}

absl::Status AuthState::CheckRoot(const Caller& caller) const {
  if (!enabled_ || caller.origin == Caller::Origin::kCluster) return absl::OkStatus();
  if (caller.user.empty()) return ErrUserEmpty();
  return HasRole(caller.user, kRoot) ? absl::OkStatus() : ErrPermissionDenied();
}

absl::Status AuthState::CheckUser(const Caller& caller) const {
  if (!enabled_ || caller.origin != Caller::Origin::kNobody) return absl::OkStatus();
  return ErrUserEmpty();
}

absl::Status AuthState::CheckRead(const Caller& caller, const KeyRange& range) const {
  return CheckKeys(caller, range, &Role::readable);
}

absl::Status AuthState::CheckWrite(const Caller& caller, const KeyRange& range) const {
  return CheckKeys(caller, range, &Role::writable);
}

absl::Status AuthState::CheckKeys(const Caller& caller, const KeyRange& range,
                                  const KeyIntervals Role::*kind) const {
  if (!enabled_ || caller.origin == Caller::Origin::kCluster) return absl::OkStatus();
  // A token may say 0, and is then treated as nobody's.
  if (caller.auth_revision == 0) return ErrUserEmpty();
  if (caller.auth_revision < revision_) return ErrAuthOldRevision();
  const User* user = FindUser(caller.user);
  if (user == nullptr) return ErrPermissionDenied();
  if (Has(*user, kRoot)) return absl::OkStatus();
  std::vector<const KeyIntervals*> sets;
  for (const std::string& name : user->roles) {
    if (const Role* role = FindRole(name)) sets.push_back(&(role->*kind));
  }
  return CoverRange(sets, range) ? absl::OkStatus() : ErrPermissionDenied();
}

}  // namespace pintle::kv::auth

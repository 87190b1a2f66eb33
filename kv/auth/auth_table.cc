#include "kv/auth/auth_table.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/status_macros.h"
#include "kv/auth/errors.h"

namespace pintle::kv::auth {
namespace {

// As etcd's isValidPermissionRange.
bool IsValid(const KeyRange& range) {
  if (range.key.empty()) return false;
  return range.single() || range.to_the_end() || range.key < range.end;
}

std::vector<std::string> Without(const std::vector<std::string>& roles, std::string_view role) {
  std::vector<std::string> rest = roles;
  std::erase(rest, role);
  return rest;
}

}  // namespace

std::shared_ptr<const AuthState> AuthTable::state() const {
  handed_out_ = true;
  return state_;
}

AuthState& AuthTable::Own() {
  if (std::exchange(handed_out_, false)) state_ = std::make_shared<AuthState>(*state_);
  return *state_;
}

absl::Status AuthTable::Execute(const Request& request, BackendBatch& batch, bool& switch_changed) {
  const AuthSwitch before = own_switch();
  absl::Status status = std::visit([&](const auto& asked) { return Do(asked, batch); }, request);
  const AuthSwitch after = own_switch();
  switch_changed = before.enabled != after.enabled || before.revision != after.revision;
  return status;
}

absl::Status AuthTable::Do(const Enable&, BackendBatch&) {
  if (state_->enabled_) return absl::OkStatus();
  if (state_->FindUser(kRoot) == nullptr) return ErrRootUserNotExist();
  if (!state_->HasRole(kRoot, kRoot)) return ErrRootRoleNotGranted();
  Own().enabled_ = true;  // etcd's revision stays
  return absl::OkStatus();
}

absl::Status AuthTable::Do(const Disable&, BackendBatch&) {
  if (!state_->enabled_) return absl::OkStatus();
  AuthState& own = Own();
  own.enabled_ = false;
  ++own.revision_;
  return absl::OkStatus();
}

absl::Status AuthTable::Do(const Authenticate& request, BackendBatch&) {
  if (!state_->enabled_) return ErrAuthNotEnabled();
  const User* user = state_->FindUser(request.name);
  return user == nullptr || user->no_password ? ErrAuthFailed() : absl::OkStatus();
}

absl::Status AuthTable::Do(const UserAdd& request, BackendBatch& batch) {
  if (request.name.empty()) return ErrUserEmpty();
  if (state_->FindUser(request.name) != nullptr) return ErrUserAlreadyExist();
  User user{.name = request.name, .no_password = request.no_password};
  if (!user.no_password) user.password_hash = request.password_hash;
  return PutUser(std::move(user), batch);
}

absl::Status AuthTable::Do(const UserDelete& request, BackendBatch& batch) {
  if (state_->enabled_ && request.name == kRoot) return ErrInvalidAuthManagement();
  const User* user = state_->FindUser(request.name);
  if (user == nullptr) return ErrUserNotFound();
  bytes_ -= BytesOf(*user);
  AuthState& own = Own();
  own.users_.erase(request.name);
  ++own.revision_;
  batch.Delete(UserKey(request.name));
  return absl::OkStatus();
}

absl::Status AuthTable::Do(const UserChangePassword& request, BackendBatch& batch) {
  const User* found = state_->FindUser(request.name);
  if (found == nullptr) return ErrUserNotFound();
  User user = *found;
  user.password_hash = user.no_password ? std::string() : request.password_hash;
  return PutUser(std::move(user), batch);
}

absl::Status AuthTable::Do(const UserGrantRole& request, BackendBatch& batch) {
  const User* found = state_->FindUser(request.user);
  if (found == nullptr) return ErrUserNotFound();
  if (request.role != kRoot && state_->FindRole(request.role) == nullptr) return ErrRoleNotFound();
  if (state_->HasRole(request.user, request.role)) return absl::OkStatus();
  User user = *found;
  user.roles.insert(std::ranges::upper_bound(user.roles, request.role), request.role);
  return PutUser(std::move(user), batch);
}

absl::Status AuthTable::Do(const UserRevokeRole& request, BackendBatch& batch) {
  if (state_->enabled_ && request.user == kRoot && request.role == kRoot) {
    return ErrInvalidAuthManagement();
  }
  const User* found = state_->FindUser(request.user);
  if (found == nullptr) return ErrUserNotFound();
  if (!state_->HasRole(request.user, request.role)) return ErrRoleNotGranted();
  User user = *found;
  user.roles = Without(user.roles, request.role);
  return PutUser(std::move(user), batch);
}

absl::Status AuthTable::Do(const RoleAdd& request, BackendBatch& batch) {
  if (request.name.empty()) return ErrRoleEmpty();
  if (state_->FindRole(request.name) != nullptr) return ErrRoleAlreadyExist();
  return PutRole(request.name, {}, batch);
}

absl::Status AuthTable::Do(const RoleDelete& request, BackendBatch& batch) {
  if (state_->enabled_ && request.name == kRoot) return ErrInvalidAuthManagement();
  const Role* role = state_->FindRole(request.name);
  if (role == nullptr) return ErrRoleNotFound();
  bytes_ -= BytesOf(*role);
  AuthState& own = Own();
  own.roles_.erase(request.name);
  batch.Delete(RoleKey(request.name));
  const uint64_t revision = own.revision_ + 1;  // one step, whoever had the role
  for (auto& [name, user] : own.users_) {
    if (!own.HasRole(name, request.name)) continue;
    User changed = *user;
    changed.roles = Without(changed.roles, request.name);
    PINTLE_RETURN_IF_ERROR(PutUser(std::move(changed), batch));  // smaller: there is room
  }
  own.revision_ = revision;
  return absl::OkStatus();
}

absl::Status AuthTable::Do(const RoleGrantPermission& request, BackendBatch& batch) {
  if (!request.permission.has_value()) return ErrPermissionNotGiven();
  const Permission& granted = *request.permission;
  if (!IsValid(granted.range)) return ErrInvalidAuthManagement();
  const Role* role = state_->FindRole(request.role);
  if (role == nullptr) return ErrRoleNotFound();
  std::vector<Permission> permissions = role->permissions;
  const auto same = std::ranges::find(permissions, granted.range, &Permission::range);
  if (same != permissions.end()) {
    same->type = granted.type;
  } else {
    const auto place = std::ranges::upper_bound(permissions, granted.range.key, {},
                                                [](const Permission& p) { return p.range.key; });
    permissions.insert(place, granted);
  }
  return PutRole(request.role, std::move(permissions), batch);
}

absl::Status AuthTable::Do(const RoleRevokePermission& request, BackendBatch& batch) {
  const Role* role = state_->FindRole(request.role);
  if (role == nullptr) return ErrRoleNotFound();
  std::vector<Permission> permissions = role->permissions;
  const auto revoked = [&](const Permission& p) { return p.range == request.range; };
  if (std::erase_if(permissions, revoked) == 0) return ErrPermissionNotGranted();
  return PutRole(request.role, std::move(permissions), batch);
}

size_t AuthTable::BytesOf(const User& user) const {
  return UserKey(user.name).size() + EncodeUser(user).size();
}

size_t AuthTable::BytesOf(const Role& role) const {
  return RoleKey(role.name).size() + EncodeRole(role.name, role.permissions).size();
}

absl::Status AuthTable::Reserve(size_t added, size_t removed) {
  const size_t after = bytes_ + added - removed;
  if (added > removed && after > kMostBytes) return ErrTooMuchAuth();
  bytes_ = after;
  return absl::OkStatus();
}

absl::Status AuthTable::PutUser(User user, BackendBatch& batch) {
  std::string key = UserKey(user.name);
  std::string value = EncodeUser(user);
  const User* old = state_->FindUser(user.name);
  PINTLE_RETURN_IF_ERROR(Reserve(key.size() + value.size(), old == nullptr ? 0 : BytesOf(*old)));
  AuthState& own = Own();
  std::string name = user.name;
  own.users_.insert_or_assign(std::move(name), std::make_shared<const User>(std::move(user)));
  ++own.revision_;
  batch.Put(std::move(key), std::move(value));
  return absl::OkStatus();
}

absl::Status AuthTable::PutRole(std::string name, std::vector<Permission> permissions,
                                BackendBatch& batch) {
  std::string key = RoleKey(name);
  std::string value = EncodeRole(name, permissions);
  const Role* old = state_->FindRole(name);
  PINTLE_RETURN_IF_ERROR(Reserve(key.size() + value.size(), old == nullptr ? 0 : BytesOf(*old)));
  AuthState& own = Own();
  auto role = std::make_shared<const Role>(name, std::move(permissions));
  own.roles_.insert_or_assign(std::move(name), std::move(role));
  ++own.revision_;
  batch.Put(std::move(key), std::move(value));
  return absl::OkStatus();
}

bool AuthTable::LoadSwitch(std::string_view bytes) {
  if (bytes.empty()) return true;
  const auto stored = ParseSwitch(bytes);
  if (!stored.has_value()) return false;
  state_->enabled_ = stored->enabled;
  state_->revision_ = stored->revision;
  return true;
}

bool AuthTable::LoadUser(std::string_view key, std::string_view value) {
  auto user = ParseUser(value);
  if (!user.has_value() || UserKey(user->name) != key) return false;
  bytes_ += key.size() + value.size();
  std::string name = user->name;
  state_->users_.emplace(std::move(name), std::make_shared<const User>(*std::move(user)));
  return true;
}

bool AuthTable::LoadRole(std::string_view key, std::string_view value) {
  auto role = ParseRole(value);
  if (!role.has_value() || RoleKey(role->name) != key) return false;
  bytes_ += key.size() + value.size();
  auto loaded = std::make_shared<const Role>(role->name, std::move(role->permissions));
  state_->roles_.emplace(std::move(role->name), std::move(loaded));
  return true;
}

}  // namespace pintle::kv::auth

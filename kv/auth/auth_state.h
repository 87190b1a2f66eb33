// AuthState: users, roles and whether they count, as of one applied entry; and what follows from
// them. Immutable as soon as somebody else can see it (AuthTable copies before it changes one that
// was handed out). Any thread.
//
// The decisions are etcd's (server/auth/store.go; etcd-api 1.8.3, 1.8.4). With authentication off
// everything is allowed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kv/auth/key_intervals.h"
#include "kv/auth/types.h"

namespace pintle::kv::auth {

// A role and what its permissions come to.
struct Role {
  Role(std::string role_name, std::vector<Permission> role_permissions);

  const std::string name;
  const std::vector<Permission> permissions;  // by key, in etcd's order
  const KeyIntervals readable;
  const KeyIntervals writable;
};

class AuthState {
 public:
  using Users = std::map<std::string, std::shared_ptr<const User>, std::less<>>;
  using Roles = std::map<std::string, std::shared_ptr<const Role>, std::less<>>;

  bool enabled() const { return enabled_; }
  // Grows with every change of users, roles and permissions; 1 before the first.
  uint64_t revision() const { return revision_; }
  const Users& users() const { return users_; }
  const Roles& roles() const { return roles_; }
  const User* FindUser(std::string_view name) const;  // null: none
  const Role* FindRole(std::string_view name) const;
  bool HasRole(std::string_view user, std::string_view role) const;

  // May everything: has the role root. ErrUserEmpty, ErrPermissionDenied.
  absl::Status CheckRoot(const Caller& caller) const;
  // Is somebody. ErrUserEmpty.
  absl::Status CheckUser(const Caller& caller) const;
  // ErrUserEmpty, ErrAuthOldRevision, ErrPermissionDenied.
  absl::Status CheckRead(const Caller& caller, const KeyRange& range) const;
  absl::Status CheckWrite(const Caller& caller, const KeyRange& range) const;

 private:
  friend class AuthTable;

  absl::Status CheckKeys(const Caller& caller, const KeyRange& range,
                         const KeyIntervals Role::*kind) const;

  bool enabled_ = false;
  uint64_t revision_ = 1;
  Users users_;
  Roles roles_;
};

}  // namespace pintle::kv::auth

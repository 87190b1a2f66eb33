// AuthTable: the users and roles of the replicated state, as apply changes them.
//
// Every change goes into the backend batch under way, and so into the entry that made it, the hash
// chain and snapshots: members cannot decide differently. Reads are AuthState's.
// Owner and thread: the store's apply thread; what state() gave is for anybody. Limits: kMostBytes
// of records, then ErrTooMuchAuth. Errors: etcd's (kv/auth/errors.h), in etcd's order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kv/auth/auth_record.h"
#include "kv/auth/auth_state.h"
#include "kv/auth/request.h"
#include "kv/backend.h"

namespace pintle::kv::auth {

class AuthTable {
 public:
  static constexpr size_t kMostBytes = size_t{64} << 20;

  // As it is now, for ever.
  std::shared_ptr<const AuthState> state() const;
  const AuthState& now() const { return *state_; }

  // Who may ask is kv/auth/authorize.h's. `batch` gets what there is to write, but for the switch:
  // true when that has changed, and `EncodeSwitch(own_switch())` is to be kept.
  absl::Status Execute(const Request& request, BackendBatch& batch, bool& switch_changed);
  AuthSwitch own_switch() const { return {state_->enabled_, state_->revision_}; }

  // From stored bytes; false: not what was written.
  bool LoadSwitch(std::string_view bytes);
  bool LoadUser(std::string_view key, std::string_view value);
  bool LoadRole(std::string_view key, std::string_view value);

 private:
  absl::Status Do(const Enable& request, BackendBatch& batch);
  absl::Status Do(const Disable& request, BackendBatch& batch);
  absl::Status Do(const Authenticate& request, BackendBatch& batch);
  absl::Status Do(const UserAdd& request, BackendBatch& batch);
  absl::Status Do(const UserDelete& request, BackendBatch& batch);
  absl::Status Do(const UserChangePassword& request, BackendBatch& batch);
  absl::Status Do(const UserGrantRole& request, BackendBatch& batch);
  absl::Status Do(const UserRevokeRole& request, BackendBatch& batch);
  absl::Status Do(const RoleAdd& request, BackendBatch& batch);
  absl::Status Do(const RoleDelete& request, BackendBatch& batch);
  absl::Status Do(const RoleGrantPermission& request, BackendBatch& batch);
  absl::Status Do(const RoleRevokePermission& request, BackendBatch& batch);

  AuthState& Own();  // nobody else sees it
  absl::Status PutUser(User user, BackendBatch& batch);
  absl::Status PutRole(std::string name, std::vector<Permission> permissions, BackendBatch& batch);
  absl::Status Reserve(size_t added, size_t removed);
  size_t BytesOf(const User& user) const;
  size_t BytesOf(const Role& role) const;

  std::shared_ptr<AuthState> state_ = std::make_shared<AuthState>();
  mutable bool handed_out_ = false;
  size_t bytes_ = 0;  // of all records
};

}  // namespace pintle::kv::auth

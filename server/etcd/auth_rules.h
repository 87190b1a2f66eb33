// Who may call what, once authentication is on: one table, with a row for every method of every
// service that there is (etcd-api 1.8.3). A method that is not in it is served to nobody but root.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pintle::server::etcd {

enum class AuthRule : uint8_t {
  kAnybody,  // also who does not say who he is
  kUser,     // any user: looked at before the method begins
  kRoot,     // users with the role root: looked at before the method begins
  // The method itself looks: at the state that it reads from (CheckRead, kv/auth/authorize.h), or
  // it proposes on behalf of the caller, and apply decides.
  kInside,
};

struct AuthRow {
  std::string_view path;  // "/etcdserverpb.KV/Put"
  AuthRule rule = AuthRule::kRoot;
};

std::span<const AuthRow> AuthTable();
AuthRule AuthRuleOf(std::string_view path);

}  // namespace pintle::server::etcd

// Who may do what, as etcd knows it (authpb; etcd-api 1.8): users have roles, roles have
// permissions on keys and ranges of keys. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kv/types.h"

namespace pintle::kv::auth {

// The user and the role that may do everything. The user must exist, and have the role, before
// authentication can be enabled.
inline constexpr std::string_view kRoot = "root";

// authpb.Permission.Type. etcd keeps and shows numbers that it does not know; they permit nothing.
inline constexpr int32_t kRead = 0;
inline constexpr int32_t kWrite = 1;
inline constexpr int32_t kReadWrite = 2;

struct Permission {
  int32_t type = kRead;
  KeyRange range;
  friend bool operator==(const Permission&, const Permission&) = default;
};

struct User {
  std::string name;
  std::string password_hash;         // bcrypt's text; empty: no password fits
  std::vector<std::string> roles{};  // sorted
  // Acts through a client certificate's name only.
  bool no_password = false;
  friend bool operator==(const User&, const User&) = default;
};

// On whose behalf something is asked.
struct Caller {
  enum class Origin : uint8_t {
    kCluster = 0,  // the members themselves, who may do everything
    kNobody = 1,   // a client that has not said who it is
    kUser = 2,
  };
  Origin origin = Origin::kNobody;
  std::string user{};          // kUser
  uint64_t auth_revision = 0;  // kUser: of the state that the name was found good with

  static Caller Cluster() { return {.origin = Origin::kCluster}; }
  static Caller User(std::string name, uint64_t auth_revision) {
    return {.origin = Origin::kUser, .user = std::move(name), .auth_revision = auth_revision};
  }
  friend bool operator==(const Caller&, const Caller&) = default;
};

}  // namespace pintle::kv::auth

// The requests of etcd's Auth service as they lie in the log: its messages, and of Authenticate
// etcd's InternalAuthenticateRequest. Passwords are in `hashedPassword`, Base64 of bcrypt's text;
// `password` is always empty. Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "kv/auth/request.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

// nullopt: that kind is not one of them. INVALID_ARGUMENT: not the message of this kind.
std::optional<absl::StatusOr<kv::auth::Request>> DecodeAuthRequest(RequestKind kind,
                                                                   std::string_view body);

}  // namespace pintle::server::replica

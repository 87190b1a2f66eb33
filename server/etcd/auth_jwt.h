// Jwt: signed tokens (--auth-token=jwt,…), as etcd makes and reads them: claims username, revision
// and exp (etcd-api 1.8.2; RFC 7515, 7518, 7519).
//
// Immutable; any thread. Signing and checking with RSA cost up to a millisecond and 30 µs. Whoever
// has only the public key can check tokens and not issue any. The other member's word is not
// needed, so a token outlives restarts; it does not outlive a change of users or permissions, whose
// revision it names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kv/auth/types.h"

namespace pintle::server::etcd {

class Jwt {
 public:
  static constexpr size_t kMostTokenBytes = 16384;

  // The flag's value: "jwt,sign-method=RS256,priv-key=FILE,pub-key=FILE,ttl=10m". Null for
  // "simple". INVALID_ARGUMENT: one line for the operator.
  static absl::StatusOr<std::shared_ptr<const Jwt>> FromFlag(std::string_view flag);

  virtual ~Jwt() = default;

  // UNKNOWN (etcd's wire code): this member can only check.
  virtual absl::StatusOr<std::string> Issue(std::string_view user, uint64_t auth_revision,
                                            absl::Time now) const = 0;
  virtual std::optional<kv::auth::Caller> Verify(std::string_view token, absl::Time now) const = 0;
};

}  // namespace pintle::server::etcd

// Signatures: the algorithms of RFC 7518 and 8037 that etcd's JWT tokens may have, by OpenSSL.
//
// Immutable; any thread. Keys are PEM; that of HS… are the file's bytes. Source: RFC 7518 §3,
// RFC 8037 §3.1.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pintle::server::etcd {

class Signatures {
 public:
  // "RS256"; "HS", "RS", "PS", "ES" with 256, 384, 512, and "EdDSA". Without a private key it can
  // only check. INVALID_ARGUMENT: unknown method; a key that is missing, no such key, or that does
  // not belong to the other.
  static absl::StatusOr<std::unique_ptr<Signatures>> Make(std::string_view method,
                                                          std::string_view private_key,
                                                          std::string_view public_key);
  virtual ~Signatures() = default;

  virtual const std::string& name() const = 0;
  virtual bool can_sign() const = 0;
  virtual absl::StatusOr<std::string> Sign(std::string_view text) const = 0;
  virtual bool Fits(std::string_view text, std::string_view signature) const = 0;
};

}  // namespace pintle::server::etcd

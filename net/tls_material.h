// TlsMaterial: certificates, keys, authorities and revoked serial numbers, as read from the files
// at one moment. Immutable and shared by the connections of that moment. Private to net/.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "net/openssl_pointer.h"
#include "net/tls_policy.h"

namespace pintle::net {

using SslContextPtr = OpensslPointer<SSL_CTX, SSL_CTX_free>;

struct TlsMaterial {
  TlsOptions options;
  SslContextPtr server;           // null: there is no certificate to show
  SslContextPtr client;           // for dialing
  std::set<std::string> revoked;  // serial numbers, in hexadecimal
};

// Reads and checks everything. `verify`: OpenSSL's callback that judges a certificate chain.
absl::StatusOr<std::shared_ptr<const TlsMaterial>> LoadTlsMaterial(const TlsOptions& options,
                                                                   int (*verify)(X509_STORE_CTX*,
                                                                                 void*));

// One text per file that the options name: when any of them differs, a file has changed.
std::vector<std::string> StampsOf(const TlsOptions& options);

}  // namespace pintle::net

// TlsPolicies: from the configuration to the two policies of a member, one for whatever clients
// see (client, metrics and API listeners) and one for the other members.
//
// Reads the files, makes certificates for --auto-tls in <data-dir>/fixtures, and says in the log
// what of the configuration does not go together. Errors are etcd's, one line.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "net/tls_policy.h"
#include "server/config.h"

namespace pintle::server {

struct TlsPolicies {
  std::shared_ptr<net::TlsPolicy> clients;  // null: no URL asks for TLS
  std::shared_ptr<net::TlsPolicy> peers;    // null: nor does any peer URL
};

absl::StatusOr<TlsPolicies> MakeTlsPolicies(const Config& config);

}  // namespace pintle::server

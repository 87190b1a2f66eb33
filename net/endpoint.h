// Endpoint: where one of our own tools connects to, and with what TLS: pintle snapshot, pintle
// controllers and pintle-bench read their flags with this.
//
// Plain values, any thread. Errors: INVALID_ARGUMENT, one line, fit to be shown to the user.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "net/tls_policy.h"

namespace pintle::net {

struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::shared_ptr<TlsPolicy> tls{};  // null: plain
};

// What a tool believes and shows; PEM files.
struct ClientTlsFlags {
  std::string ca_file;  // empty: the machine's own authorities
  std::string cert_file;
  std::string key_file;
  bool skip_verify = false;  // anybody may be the server

  bool any() const {
    return !ca_file.empty() || !cert_file.empty() || !key_file.empty() || skip_verify;
  }
};

// "https://127.0.0.1:2379,http://[::1]:2379/,localhost:2379". Without a scheme there is TLS when a
// flag speaks of it, as with etcdctl. The files are read here; at least one endpoint is wanted.
absl::StatusOr<std::vector<Endpoint>> ParseEndpoints(std::string_view list,
                                                     const ClientTlsFlags& flags);

}  // namespace pintle::net

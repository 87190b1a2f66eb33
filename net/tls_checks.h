// What is asked of a certificate beyond its chain: revocation, names, where it comes from. Pure;
// any thread. Private to net/.
//
// Source: etcd's client/pkg/transport: listener_tls.go (addresses, CRL), listener.go (names).
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "net/tls_material.h"

namespace pintle::net {

struct TlsOtherSide {
  bool dialed = false;
  std::string other_side;  // the host that was dialed, or the client's address
};

// Empty: none. `chain`: what was sent with it; may be null. `hosts_to_look_up`: see
// TlsConnection::hosts_to_look_up.
std::string ObjectionTo(X509* certificate, STACK_OF(X509) * chain, const TlsMaterial& material,
                        const TlsOtherSide& from, std::vector<std::string>& hosts_to_look_up);

std::string CommonNameOf(const X509* certificate);
bool IsAddress(const std::string& host);

}  // namespace pintle::net

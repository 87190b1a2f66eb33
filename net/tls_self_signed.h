// A certificate that vouches for itself, for --auto-tls and --peer-auto-tls: encryption against
// who listens, not against who pretends.
//
// Blocks; once, at the start. Errors: one line for the operator.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace pintle::net {

// Makes <folder>/cert.pem and key.pem (readable by the owner only) for `hosts`, names or
// addresses; keeps those that are there, unless they have expired.
absl::Status MakeSelfSignedPair(const std::string& folder, const std::vector<std::string>& hosts,
                                int64_t validity_years);

}  // namespace pintle::net

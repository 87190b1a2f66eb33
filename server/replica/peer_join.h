// What somebody who joins a running cluster asks its members first: who belongs to it.
//
// Blocks; before anything else of the member runs. Errors are one line for the operator.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/tls_policy.h"
#include "server/replica/member_list.h"
#include "server/replica/peer_address.h"

namespace pintle::server::replica {

// Asks each address in turn, again and again for `patience`, until one answers with a list that
// has a member with exactly `own_peer_urls`. DEADLINE_EXCEEDED and why not; FAILED_PRECONDITION at
// once when an etcd answers. `tls`: for addresses that want it.
absl::StatusOr<JoinFacts> AskToJoin(const std::vector<PeerAddress>& addresses,
                                    const std::shared_ptr<net::TlsPolicy>& tls,
                                    const std::vector<std::string>& own_peer_urls,
                                    absl::Duration patience);

}  // namespace pintle::server::replica

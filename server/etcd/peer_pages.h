// What etcd's members answer on their peer URLs to whoever asks by HTTP, and what tools look at:
// who the members are, and their version (etcd-api 3.3). There is no /health and no /metrics.
//
// Threads: any. Pure, but for what the member knows.
#pragma once

#include <optional>
#include <string_view>

#include "server/replica/local_member.h"
#include "server/replica/peer_http.h"

namespace pintle::server::etcd {

// "/version" and "/members"; nullopt: another path.
std::optional<replica::PeerPage> PeerPageAt(const replica::LocalMember& member,
                                            std::string_view path);

}  // namespace pintle::server::etcd

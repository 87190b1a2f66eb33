// Ids of members and clusters by etcd's formula (etcd-api 1.4), so that tools and tests can predict
// them. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pintle::server::replica {

// First 8 bytes, big-endian, of SHA-1 over the sorted peer URLs and the cluster token; for a member
// that is added later, over the present time in seconds instead of the token.
uint64_t MemberIdOf(std::vector<std::string> peer_urls, std::string_view token);
// First 8 bytes of SHA-1 over the sorted member ids.
uint64_t ClusterIdOf(std::vector<uint64_t> member_ids);

}  // namespace pintle::server::replica

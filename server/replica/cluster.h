// Cluster: who the members are. Static in this version: what --initial-cluster says, and what each
// member has published about itself through the log (name, client URLs).
//
// Ids are etcd's formula (etcd-api 1.4), so that tools and tests can predict them.
// Threads: Publish and Reload from the apply thread; members() from any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kv/store.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

// First 8 bytes, big-endian, of SHA-1 over the sorted peer URLs and the cluster token.
uint64_t MemberIdOf(std::vector<std::string> peer_urls, std::string_view token);
// First 8 bytes of SHA-1 over the sorted member ids.
uint64_t ClusterIdOf(std::vector<uint64_t> member_ids);

// The body of a kMemberAttributes proposal (etcd's ClusterMemberAttrSetRequest: member_ID 1,
// attributes 2 {name 1, client_urls 2}).
std::string EncodeAttributes(uint64_t member_id, const std::string& name,
                             const std::vector<std::string>& client_urls);

class Cluster {
 public:
  // `members` with ids and peer URLs; names and client URLs come from the store's state, as
  // published earlier.
  Cluster(std::vector<ClusterMember> members, kv::Store& store);

  // Applies a kMemberAttributes body: remembers it, also in the store (name "member/" and the id in
  // hex, value the body). An unknown member or a malformed body changes nothing.
  void Publish(std::string_view body);
  // The store has another content.
  void Reload();

  std::vector<ClusterMember> members() const;  // sorted by id
  bool published(uint64_t member_id, const std::string& name,
                 const std::vector<std::string>& client_urls) const;

 private:
  bool Remember(std::string_view body, uint64_t& member_id);

  kv::Store& store_;
  mutable std::mutex mutex_;
  std::vector<ClusterMember> members_;
};

}  // namespace pintle::server::replica

// What members think of each other when they meet: pure judgements, of both sides of a greeting and
// of who wants to join. The transport asks; so does the simulator's.
//
// Thread: any. Source: etcd refuses a removed member's messages in rafthttp; the data-dir's id is
// our own, so that who lost its data is told from who did not (docs/formats/peers.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/replica/member_list.h"
#include "server/replica/peer_frame.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

// Why whoever greets so is not talked to, by what we know of the cluster; nullopt: it is.
std::optional<HelloRefused> ObjectionTo(const Hello& hello, const PeerSet& known);
// What is said against the one that answers so; empty: nothing.
std::string ObjectionTo(const HelloOk& hello, const PeerSet& known);

// The member that somebody with an empty data-dir and these peer URLs is. NOT_FOUND: none yet.
// FAILED_PRECONDITION: it has been started before, so its data is lost. Both for the operator.
absl::StatusOr<uint64_t> JoinAs(const JoinFacts& facts,
                                const std::vector<std::string>& own_peer_urls);

// What the members have answered to somebody who wants to join. The newest of them counts: one that
// is behind may speak of the member that had these URLs before.
class JoinAnswers {
 public:
  // Each from another member.
  void Add(JoinFacts facts);
  // nullptr: nobody has answered.
  const JoinFacts* newest() const { return newest_ ? &*newest_ : nullptr; }
  // JoinAs, by the newest. UNAVAILABLE: nobody has answered, or too few to believe a refusal: fewer
  // than a majority of the members.
  absl::StatusOr<uint64_t> JoinAs(const std::vector<std::string>& own_peer_urls) const;

 private:
  std::optional<JoinFacts> newest_;
  size_t count_ = 0;
};

}  // namespace pintle::server::replica

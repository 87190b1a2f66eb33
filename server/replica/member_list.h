// MemberList: who belongs to the cluster, as a plain value: the part of the replicated state that
// the log's changes of members make. Pure functions, any thread; the layouts are in
// docs/formats/members.md.
//
// What is in it is the same on every member at the same position of the log. Decoders return false
// for anything that the encoder cannot have made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/types.h"
#include "server/replica/local_member.h"

namespace pintle::server::replica {

// Where the store keeps the list (EncodeMemberList), and the configuration as of the last applied
// entry (raft::EncodeConfChange without a context).
inline constexpr std::string_view kMembersMeta = "members";
inline constexpr std::string_view kConfStateMeta = "conf_state";
// And the version that operators want to go back to: its text. Absent: none.
inline constexpr std::string_view kDowngradeMeta = "downgrade";

struct MemberList {
  std::vector<ClusterMember> members;  // sorted by id
  std::vector<uint64_t> removed;       // for ever; in the order of removal
  uint32_t feature_level = 0;
  // A change that went with a joint configuration: counts once that one is left.
  struct Pending {
    uint64_t request_id = 0;
    MemberChange change;
  };
  std::optional<Pending> pending;

  const ClusterMember* Find(uint64_t id) const;
  bool WasRemoved(uint64_t id) const;
};

std::string EncodeMemberList(const MemberList& list);
bool DecodeMemberList(std::string_view bytes, MemberList& list);

// The body of a kMemberChange proposal.
std::string EncodeMemberChange(const MemberChange& change);
bool DecodeMemberChange(std::string_view bytes, MemberChange& change);

// What somebody who wants to join is told (FrameKind::kMembersAnswer).
struct JoinFacts {
  uint64_t cluster_id = 0;
  raft::Index applied;  // the list is as of this entry, or of a later one
  MemberList list;
};
std::string EncodeJoinFacts(const JoinFacts& facts);
bool DecodeJoinFacts(std::string_view body, JoinFacts& facts);

// The member with exactly these peer URLs, in whatever order; nullptr: none.
const ClusterMember* FindByPeerUrls(const MemberList& list, std::vector<std::string> peer_urls);

void Apply(const MemberChange& change, MemberList& list);

// What raft is asked for. The change has passed CheckMemberChange (member_rules.h).
raft::ConfState TargetOf(const MemberChange& change, const ClusterMember* member,
                         raft::ConfState conf_state);

}  // namespace pintle::server::replica

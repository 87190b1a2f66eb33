#include "server/replica/member_rules.h"

#include <algorithm>

#include "raft/membership.h"
#include "server/replica/errors.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kMostLearners = 1;
// Joint configurations count members twice (raft::kMaxMembers).
constexpr size_t kMostMembers = raft::kMaxMembers / 2 - 1;
constexpr uint64_t kMostBehind = 500;

bool IsStarted(const ClusterMember& member) { return !member.name.empty(); }

size_t Quorum(size_t voters) { return voters / 2 + 1; }

// As clients see them: who promotes itself is a voter.
struct Voters {
  size_t all = 0;
  size_t started = 0;
  size_t connected = 0;
  size_t able = 0;  // to go on without the others: connected, with all but the newest of the log
};

bool IsConnected(const MemberFacts& facts, uint64_t id) {
  return id == facts.status.id.value() || facts.connected(id);
}

// How far it has the log. 0: it is being filled by others, or too far behind to go on without them.
uint64_t MatchOfFollower(const raft::Status& status, uint64_t id) {
  const auto peer = std::ranges::find(status.peers, raft::MemberId(id), &raft::PeerStatus::id);
  if (peer == status.peers.end() || peer->state == raft::ProgressState::kSnapshot ||
      peer->store_needs_snapshot || peer->behind_log) {
    return 0;
  }
  const uint64_t match = peer->match_index.value();
  return match + kMostBehind >= status.last_entry.index.value() ? match : 0;
}

bool IsAble(const MemberFacts& facts, uint64_t id) {
  if (id == facts.status.id.value()) return facts.own_store_usable;
  return facts.connected(id) && MatchOfFollower(facts.status, id) > 0;
}

Voters CountVoters(const MemberFacts& facts, uint64_t without = 0) {
  Voters voters;
  for (const ClusterMember& member : facts.list.members) {
    if (member.is_learner || member.id == without) continue;
    ++voters.all;
    voters.started += IsStarted(member) ? 1 : 0;
    voters.connected += IsStarted(member) && IsConnected(facts, member.id) ? 1 : 0;
    voters.able += IsStarted(member) && IsAble(facts, member.id) ? 1 : 0;
  }
  return voters;
}

bool UrlsAreTaken(const MemberList& list, const MemberChange& change) {
  return std::ranges::any_of(list.members, [&](const ClusterMember& member) {
    return member.id != change.id &&
           std::ranges::any_of(member.peer_urls, [&](const std::string& url) {
             return std::ranges::count(change.peer_urls, url) > 0;
           });
  });
}

absl::Status CheckNewVoter(const MemberFacts& facts) {
  const Voters now = CountVoters(facts);
  const size_t needed = Quorum(now.all + 1);
  const bool alone = now.all == 1 && now.started == 1;
  if (!alone && now.started < needed) return ErrNotEnoughStarted();
  if (!alone && now.connected < needed) return ErrUnhealthy();
  return absl::OkStatus();
}

absl::Status CheckAdd(const MemberChange& change, const MemberFacts& facts) {
  const MemberList& list = facts.list;
  // One that takes another's place neither adds a voter nor takes one away.
  if (facts.strict && !change.learner && change.replaces == 0) {
    if (absl::Status refused = CheckNewVoter(facts); !refused.ok()) return refused;
  }
  if (list.Find(change.id) != nullptr || list.WasRemoved(change.id)) return ErrMemberIdExists();
  if (UrlsAreTaken(list, change)) return ErrPeerUrlsExist();
  const auto learners = std::ranges::count(list.members, true, &ClusterMember::is_learner);
  if (change.learner && static_cast<size_t>(learners) >= kMostLearners) return ErrTooManyLearners();
  if (list.members.size() >= kMostMembers) return ErrInvalidConfChange();
  if (change.replaces == 0) return absl::OkStatus();
  const ClusterMember* replaced = list.Find(change.replaces);
  if (replaced == nullptr) return ErrMemberNotFound();
  const bool again =
      std::ranges::count(list.members, change.replaces, &ClusterMember::replaces) > 0;
  return again || change.learner || replaced->is_learner ? ErrInvalidConfChange()
                                                         : absl::OkStatus();
}

absl::Status CheckRemove(const MemberChange& change, const MemberFacts& facts) {
  const ClusterMember* member = facts.list.Find(change.id);
  if (member == nullptr) return ErrMemberNotFound();
  const raft::ConfState left = raft::Without(facts.status.conf_state, raft::MemberId(change.id));
  if (left.voters.empty()) return ErrNotEnoughStarted();
  if (!facts.strict || member->is_learner) return absl::OkStatus();
  const Voters others = CountVoters(facts, change.id);
  if (others.started < Quorum(others.all)) return ErrNotEnoughStarted();
  // Without one that is not there anyway things only get better.
  if (!IsConnected(facts, change.id)) return absl::OkStatus();
  return others.able < Quorum(others.all) ? ErrUnhealthy() : absl::OkStatus();
}

absl::Status CheckPromote(const MemberChange& change, const MemberFacts& facts) {
  const ClusterMember* member = facts.list.Find(change.id);
  if (member == nullptr) return ErrMemberNotFound();
  if (!member->is_learner) return ErrMemberNotLearner();
  if (!IsInSync(facts.status, change.id)) return ErrLearnerNotReady();
  const Voters now = CountVoters(facts);
  const bool enough = now.started + 1 >= Quorum(now.all + 1);
  return facts.strict && !enough ? ErrNotEnoughStarted() : absl::OkStatus();
}

bool HasConnectedQuorum(const raft::ConfState& conf, const MemberFacts& facts) {
  const auto connected = std::ranges::count_if(
      conf.voters, [&](raft::MemberId id) { return IsConnected(facts, id.value()); });
  return static_cast<size_t>(connected) >= Quorum(conf.voters.size());
}

}  // namespace

absl::Status CheckMemberChange(const MemberChange& change, const MemberFacts& facts) {
  switch (change.kind) {
    case MemberChange::Kind::kAdd:
      return CheckAdd(change, facts);
    case MemberChange::Kind::kRemove:
      return CheckRemove(change, facts);
    case MemberChange::Kind::kUpdate:
      if (facts.list.Find(change.id) == nullptr) return ErrMemberNotFound();
      return UrlsAreTaken(facts.list, change) ? ErrPeerUrlsExist() : absl::OkStatus();
    case MemberChange::Kind::kPromote:
      return CheckPromote(change, facts);
  }
  return ErrInvalidConfChange();
}

bool IsInSync(const raft::Status& status, uint64_t id) {
  const uint64_t match = MatchOfFollower(status, id);
  return match > 0 && match * 10 >= status.last_entry.index.value() * 9;
}

MemberChange DuePromotion(const MemberFacts& facts) {
  for (const ClusterMember& member : facts.list.members) {
    if (!member.promotes_itself || !IsStarted(member) || !IsInSync(facts.status, member.id)) {
      continue;
    }
    MemberChange change{.kind = MemberChange::Kind::kPromote, .id = member.id};
    if (raft::IsVoter(facts.status.conf_state, raft::MemberId(member.id))) continue;
    if (HasConnectedQuorum(TargetOf(change, &member, facts.status.conf_state), facts)) {
      return change;
    }
  }
  return {};
}

uint32_t CommonFeatureLevel(const MemberList& list) {
  if (list.members.empty()) return 0;
  uint32_t common = UINT32_MAX;
  for (const ClusterMember& member : list.members) {
    common = std::min(common, IsStarted(member) ? member.feature_level : 0);
  }
  return common;
}

}  // namespace pintle::server::replica

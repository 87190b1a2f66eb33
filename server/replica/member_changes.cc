// Member, the part about who the members are: changes on behalf of operators, and what the leader
// does by itself.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/fault_point.h"
#include "server/replica/errors.h"
#include "server/replica/member.h"
#include "server/replica/member_rules.h"
#include "server/replica/proposal_codec.h"
#include "server/storage/fatal.h"

namespace pintle::server::replica {

std::vector<ClusterMember> Member::members() const { return cluster_->members(); }

ClusterMember Member::AboutItself() const {
  ClusterMember self{.id = options_.member_id, .name = options_.name};
  self.client_urls = options_.client_urls;
  self.data_dir = data_dir_->id();
  self.feature_level = options_.feature_level;
  return self;
}

bool Member::PublishAttributes() {
  const ClusterMember self = AboutItself();
  if (cluster_->Published(self)) return true;
  const bool known = cluster_->recorded() && cluster_->list()->Find(self.id) != nullptr;
  // Twice does no harm, and one that was lost would be waited for as long as a client's.
  if (!known || doors_.clock.Now() < publish_again_at_) return false;
  publish_again_at_ = doors_.clock.Now() + absl::Milliseconds(options_.election_timeout_ms);
  Propose(RequestKind::kMemberAttributes, EncodeAttributes(self),
          [](const absl::StatusOr<Applied>&) {});
  return false;
}

// Who joins greets those that it was told of, until the log says who they are: so it hears if it
// has been removed before anybody reached it.
PeerSet Member::PeersNow() const {
  const std::shared_ptr<const MemberList> list =
      cluster_->recorded() || told_ == nullptr ? cluster_->list() : told_;
  PeerSet set{.feature_level = list->feature_level};
  for (const ClusterMember& member : list->members) {
    set.peers.push_back({raft::MemberId(member.id), member.peer_urls, member.data_dir});
  }
  for (const uint64_t id : list->removed) set.removed.emplace_back(id);
  return set;
}

// To somebody who wants to join: nothing, as long as the log has not said who the members are.
std::string Member::MembersAnswer() const {
  const raft::Index applied = apply_worker_->applied_index();
  if (!cluster_->recorded()) return "";
  return EncodeJoinFacts({options_.cluster_id, applied, *cluster_->list()});
}

void Member::OnMembersChanged() {
  doors_.transport.SetPeers(PeersNow());
  const std::shared_ptr<const MemberList> list = cluster_->list();
  const ClusterMember* self = list->Find(options_.member_id);
  is_learner_ = self != nullptr && self->is_learner;
  if (list->WasRemoved(options_.member_id)) {
    base::FaultPoint("member.was_removed");
    options_.must_stop(Refusal::kRemoved,
                       "the member has been permanently removed from the cluster");
  }
  if (list->feature_level > options_.feature_level) {
    storage::Fatal(
        absl::StrFormat("the cluster uses feature level %d, this version knows up to %d only: "
                        "start a newer version",
                        list->feature_level, options_.feature_level));
  }
}

// Replica thread, leader. Everything here is tried again until it has been done.
void Member::LookAfterMembers(Replica& replica) {
  if (!cluster_->recorded()) {
    base::FaultPoint("member.first_members_proposed");
    const std::string body = EncodeMemberList({.members = cluster_->members()});
    const raft::Payload payload =
        EncodeProposal(++next_request_id_, RequestKind::kFirstMembers, body);
    (void)replica.ProposeConfChange(replica.conf_state(), *payload);
    return;
  }
  const std::shared_ptr<const MemberList> list = cluster_->list();
  // Whoever wants to go back must be able to.
  if (CommonFeatureLevel(*list) > list->feature_level && cluster_->downgrade_target().empty()) {
    base::FaultPoint("member.feature_level_proposed");
    const raft::Payload payload = EncodeProposal(++next_request_id_, RequestKind::kFeatureLevel,
                                                 EncodeFeatureLevel(CommonFeatureLevel(*list)));
    (void)replica.Propose(payload);
  }
  if (std::ranges::none_of(list->members, &ClusterMember::promotes_itself)) return;
  const raft::Status status = replica.GetStatus();
  if (apply_worker_->applied_index() < status.conf_index) return;
  const MemberChange promotion = DuePromotion(FactsFor(*list, status));
  if (promotion.id == 0) return;
  base::FaultPoint("member.promotion_proposed");
  const raft::Payload payload =
      EncodeProposal(++next_request_id_, RequestKind::kMemberChange, EncodeMemberChange(promotion));
  (void)replica.ProposeConfChange(TargetOf(promotion, list->Find(promotion.id), status.conf_state),
                                  *payload);
}

MemberFacts Member::FactsFor(const MemberList& list, const raft::Status& status) const {
  return {.list = list,
          .status = status,
          .strict = options_.strict_reconfig_check,
          .connected = [this](uint64_t id) { return driver_->reachable(raft::MemberId(id)); },
          .own_store_usable = repair_->usable()};
}

// Replica thread, leader.
absl::StatusOr<std::optional<raft::ConfState>> Member::TargetOfChange(const MemberChange& change,
                                                                      Replica& replica) const {
  const raft::Status status = replica.GetStatus();
  const std::shared_ptr<const MemberList> list = cluster_->list();
  // What the list does not show yet cannot be judged.
  const bool behind = apply_worker_->applied_index() < status.conf_index;
  if (behind || status.conf_state.joint() || !cluster_->recorded()) return std::nullopt;
  const absl::Status refused = CheckMemberChange(change, FactsFor(*list, status));
  if (!refused.ok()) return refused;
  return TargetOf(change, list->Find(change.id), status.conf_state);
}

void Member::ChangeAsLeader(MemberChange change, absl::AnyInvocable<void(absl::Status)> done) {
  if (closed_) return done(ErrStopped());
  const std::string body = EncodeMemberChange(change);
  const uint64_t id = ++next_request_id_;
  ProposeDone applied = [done = std::move(done)](const absl::StatusOr<Applied>& result) mutable {
    done(result.status());
  };
  if (!proposals_->Add(id, body.size(), doors_.clock.Now() + timeout(), applied)) {
    return applied(ErrTooManyRequests());
  }
  driver_->ProposeConfChange(
      id,
      [this, change = std::move(change)](Replica& replica) {
        return TargetOfChange(change, replica);
      },
      *EncodeProposal(id, RequestKind::kMemberChange, body));
}

void Member::ChangeMembers(MemberChange change, MembersDone done) {
  if (closed_) return done(ErrStopped());
  const raft::SoftState state = driver_->facts().soft_state;
  if (state.role == raft::Role::kLeader) {
    return ChangeAsLeader(std::move(change),
                          [this, done = std::move(done)](const absl::Status& status) mutable {
                            if (!status.ok()) return done(status);
                            done(members());
                          });
  }
  if (state.leader == raft::kNoMember) return done(ErrNoLeader());
  doors_.transport.Ask(
      state.leader, {PeerTopic::kMemberChange, EncodeMemberChange(change)}, timeout(),
      [this, done = std::move(done)](const absl::StatusOr<std::string>& body) mutable {
        absl::Status status;
        if (!body.ok() || !DecodeStatus(*body, status)) return done(ErrTimeout());
        AnswerWithMembers(status, std::move(done));
      });
}

// The leader has done it: so that whoever asks this member next sees it too.
void Member::AnswerWithMembers(const absl::Status& status, MembersDone done) {
  if (!status.ok()) return done(status);
  LinearizableRead([this, done = std::move(done)](const auto& view) mutable {
    if (!view.ok()) return done(view.status());
    done(members());
  });
}

}  // namespace pintle::server::replica

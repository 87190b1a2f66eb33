// Who the members are: the list as a value, the rules of the leader, and three real nodes that are
// changed while they run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "kv/memory_backend.h"
#include "server/replica/cluster.h"
#include "server/replica/downgrade_codec.h"
#include "server/replica/errors.h"
#include "server/replica/member_list.h"
#include "server/replica/member_rules.h"
#include "server/replica/peer_greeting.h"
#include "server/replica/proposal_codec.h"

namespace pintle::server::replica {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = MemberChange::Kind;

ClusterMember Started(uint64_t id) {
  ClusterMember member{.id = id, .name = "m" + std::to_string(id)};
  member.peer_urls = {"http://10.0.0." + std::to_string(id) + ":2380"};
  member.client_urls = {"http://10.0.0." + std::to_string(id) + ":2379"};
  member.data_dir = {id, id + 1};
  member.feature_level = 1;
  return member;
}

MemberList Three() { return {.members = {Started(1), Started(2), Started(3)}}; }

std::vector<uint64_t> Ids(const MemberList& list) {
  std::vector<uint64_t> ids;
  for (const ClusterMember& member : list.members) ids.push_back(member.id);
  return ids;
}

MemberChange Add(uint64_t id) {
  return {.kind = Kind::kAdd, .id = id, .peer_urls = {"http://new:" + std::to_string(id)}};
}

TEST(MemberList, ComesBackAndNothingShorterIsTaken) {
  MemberList list = Three();
  list.members[1].is_learner = true;
  list.members[2].promotes_itself = true;
  list.members[2].replaces = 1;
  list.removed = {7, 5};
  list.feature_level = 3;
  const std::string plain = EncodeMemberList(list);
  list.pending = {99, Add(9)};
  const std::string bytes = EncodeMemberList(list);
  MemberList back;
  ASSERT_TRUE(DecodeMemberList(bytes, back));
  EXPECT_EQ(EncodeMemberList(back), bytes);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(DecodeMemberList(bytes.substr(0, length), back), length == plain.size()) << length;
  }
  EXPECT_FALSE(DecodeMemberList(bytes + "x", back));
}

TEST(MemberList, AMemberIsAddedPromotedAndRemovedForEver) {
  MemberList list = Three();
  Apply(Add(2), list);  // is there already
  Apply({.kind = Kind::kUpdate, .id = 9}, list);
  EXPECT_THAT(Ids(list), ElementsAre(1, 2, 3));
  MemberChange add = Add(0x20);
  add.replaces = 1;
  Apply(add, list);
  EXPECT_TRUE(list.Find(0x20)->promotes_itself);
  EXPECT_FALSE(list.Find(0x20)->is_learner);
  EXPECT_THAT(list.removed, IsEmpty());
  Apply({.kind = Kind::kPromote, .id = 0x20}, list);
  EXPECT_THAT(Ids(list), ElementsAre(2, 3, 0x20));
  EXPECT_FALSE(list.Find(0x20)->promotes_itself);
  EXPECT_TRUE(list.WasRemoved(1));
  Apply({.kind = Kind::kRemove, .id = 3}, list);
  EXPECT_THAT(list.removed, ElementsAre(1, 3));
}

// What the leader sees: members 1 to 3 vote, 1 leads, everybody is connected and in sync.
class MemberRules : public ::testing::Test {
 protected:
  MemberRules() {
    status_.id = raft::MemberId(1);
    status_.last_entry = {raft::Term(2), raft::Index(1000)};
    for (const uint64_t id : {1, 2, 3}) status_.conf_state.voters.emplace_back(id);
    for (const uint64_t id : {2, 3}) Follows(id, 1000);
  }
  void Follows(uint64_t id, uint64_t match) {
    raft::PeerStatus peer{.id = raft::MemberId(id)};
    peer.state = raft::ProgressState::kReplicate;
    peer.match_index = raft::Index(match);
    status_.peers.push_back(peer);
  }
  void Learner(ClusterMember member, uint64_t match) {
    status_.conf_state.learners.emplace_back(member.id);
    Follows(member.id, match);
    list_.members.push_back(std::move(member));
  }
  raft::PeerStatus& PeerStatusOf(uint64_t id) {
    return *std::ranges::find(status_.peers, raft::MemberId(id), &raft::PeerStatus::id);
  }
  MemberFacts Facts() {
    return {list_, status_, strict_, [this](uint64_t id) { return !lost_.contains(id); },
            own_store_usable_};
  }
  absl::Status Check(const MemberChange& change) { return CheckMemberChange(change, Facts()); }

  MemberList list_ = Three();
  raft::Status status_;
  std::set<uint64_t> lost_;
  bool strict_ = true;
  bool own_store_usable_ = true;
};

TEST_F(MemberRules, Adding) {
  EXPECT_EQ(Check(Add(4)), absl::OkStatus());
  EXPECT_EQ(Check(Add(3)), ErrMemberIdExists());
  list_.removed = {4};
  EXPECT_EQ(Check(Add(4)), ErrMemberIdExists());
  MemberChange twice = Add(5);
  twice.peer_urls = {"http://10.0.0.2:2380"};
  EXPECT_EQ(Check(twice), ErrPeerUrlsExist());
  lost_ = {2};  // a quorum of four is three
  EXPECT_EQ(Check(Add(5)), ErrUnhealthy());
  strict_ = false;
  EXPECT_EQ(Check(Add(5)), absl::OkStatus());
}

TEST_F(MemberRules, AddingWhileOthersHaveNotStarted) {
  list_.members[1].name.clear();
  EXPECT_EQ(Check(Add(4)), ErrNotEnoughStarted());
  strict_ = false;
  EXPECT_EQ(Check(Add(4)), absl::OkStatus());
  strict_ = true;
  list_.members.resize(1);
  EXPECT_EQ(Check(Add(4)), absl::OkStatus()) << "one may always become two";
}

TEST_F(MemberRules, OneLearnerAtATime) {
  MemberChange learner = Add(4);
  learner.learner = true;
  EXPECT_EQ(Check(learner), absl::OkStatus());
  ClusterMember there = Started(9);
  there.is_learner = true;
  Learner(there, 1000);
  EXPECT_EQ(Check(learner), ErrTooManyLearners());
  EXPECT_EQ(Check(Add(4)), absl::OkStatus()) << "one that promotes itself is no learner to clients";
}

TEST_F(MemberRules, Removing) {
  const auto remove = [](uint64_t id) { return MemberChange{.kind = Kind::kRemove, .id = id}; };
  EXPECT_EQ(Check(remove(9)), ErrMemberNotFound());
  EXPECT_EQ(Check(remove(1)), absl::OkStatus());
  lost_ = {2};
  EXPECT_EQ(Check(remove(2)), absl::OkStatus()) << "it is of no use anyway";
  EXPECT_EQ(Check(remove(3)), ErrUnhealthy());
  list_.members[1].name.clear();
  EXPECT_EQ(Check(remove(3)), ErrNotEnoughStarted());
  strict_ = false;
  EXPECT_EQ(Check(remove(3)), absl::OkStatus());
  status_.conf_state.voters = {raft::MemberId(3)};
  EXPECT_EQ(Check(remove(3)), ErrNotEnoughStarted()) << "the last voter";
}

// Who is left must be able to go on: otherwise the last whole copy goes.
TEST_F(MemberRules, WhoIsLeftMustBeInSyncAndHaveItsStore) {
  list_.members.pop_back();
  status_.conf_state.voters.pop_back();
  const MemberChange other{.kind = Kind::kRemove, .id = 2};
  const MemberChange leader{.kind = Kind::kRemove, .id = 1};
  EXPECT_EQ(Check(other), absl::OkStatus());
  EXPECT_EQ(Check(leader), absl::OkStatus());
  own_store_usable_ = false;
  EXPECT_EQ(Check(other), ErrUnhealthy());
  EXPECT_EQ(Check(leader), absl::OkStatus());
  own_store_usable_ = true;
  raft::PeerStatus& peer = PeerStatusOf(2);
  peer.match_index = raft::Index(400);
  EXPECT_EQ(Check(leader), ErrUnhealthy()) << "600 entries behind";
  EXPECT_EQ(Check(other), absl::OkStatus()) << "the leader has everything";
  peer.match_index = raft::Index(1000);
  peer.store_needs_snapshot = true;
  EXPECT_EQ(Check(leader), ErrUnhealthy());
  peer.store_needs_snapshot = false;
  peer.state = raft::ProgressState::kSnapshot;
  EXPECT_EQ(Check(leader), ErrUnhealthy());
  strict_ = false;
  EXPECT_EQ(Check(leader), absl::OkStatus());
}

TEST_F(MemberRules, AShortLogIsFollowedByWhoIsAFewEntriesBehind) {
  status_.last_entry.index = raft::Index(5);
  for (const uint64_t id : {2, 3}) PeerStatusOf(id).match_index = raft::Index(3);
  EXPECT_EQ(Check({.kind = Kind::kRemove, .id = 3}), absl::OkStatus());
}

TEST_F(MemberRules, Promoting) {
  const MemberChange promote{.kind = Kind::kPromote, .id = 4};
  EXPECT_EQ(Check(promote), ErrMemberNotFound());
  EXPECT_EQ(Check({.kind = Kind::kPromote, .id = 2}), ErrMemberNotLearner());
  ClusterMember learner = Started(4);
  learner.is_learner = true;
  Learner(learner, 899);
  EXPECT_EQ(Check(promote), ErrLearnerNotReady());
  PeerStatusOf(4).match_index = raft::Index(900);
  EXPECT_EQ(Check(promote), absl::OkStatus());
  PeerStatusOf(4).state = raft::ProgressState::kSnapshot;
  EXPECT_EQ(Check(promote), ErrLearnerNotReady());
}

TEST_F(MemberRules, Replacing) {
  MemberChange replace = Add(4);
  replace.replaces = 9;
  EXPECT_EQ(Check(replace), ErrMemberNotFound());
  replace.replaces = 3;
  lost_ = {3};
  list_.members[2].name.clear();
  EXPECT_EQ(Check(replace), absl::OkStatus()) << "neither adds a voter nor takes one away";
  Apply(replace, list_);
  MemberChange again = Add(5);
  again.replaces = 3;
  EXPECT_EQ(Check(again), ErrInvalidConfChange());
  const raft::ConfState target =
      TargetOf({.kind = Kind::kPromote, .id = 4}, list_.Find(4), status_.conf_state);
  EXPECT_THAT(target.voters, ElementsAre(raft::MemberId(1), raft::MemberId(2), raft::MemberId(4)));
}

TEST_F(MemberRules, WhoPromotesItselfIsPromotedOnceItIsThereAndInSync) {
  ClusterMember added{.id = 4, .peer_urls = {"http://a:1"}, .promotes_itself = true};
  Learner(added, 1000);
  EXPECT_EQ(DuePromotion(Facts()).id, 0U) << "it has not started";
  list_.members.back().name = "m4";
  EXPECT_EQ(DuePromotion(Facts()).id, 4U);
  lost_ = {2, 3};
  EXPECT_EQ(DuePromotion(Facts()).id, 0U) << "four voters, two of them there";
  lost_ = {};
  PeerStatusOf(4).match_index = raft::Index(400);
  EXPECT_EQ(DuePromotion(Facts()).id, 0U);
  PeerStatusOf(4).match_index = raft::Index(1000);
  status_.conf_state = raft::ConfState{status_.conf_state.voters};
  status_.conf_state.voters.emplace_back(4);
  EXPECT_EQ(DuePromotion(Facts()).id, 0U) << "under way already";
}

TEST(FeatureLevel, IsWhatEverybodyKnows) {
  MemberList list = Three();
  EXPECT_EQ(CommonFeatureLevel(list), 1U);
  for (ClusterMember& member : list.members) member.feature_level = 4;
  list.members[1].feature_level = 2;
  EXPECT_EQ(CommonFeatureLevel(list), 2U);
  list.members.push_back({.id = 9});
  EXPECT_EQ(CommonFeatureLevel(list), 0U) << "it has said nothing yet";
  EXPECT_EQ(CommonFeatureLevel({}), 0U);
}

// The applied list, on a store.
class ClusterTest : public ::testing::Test {
 protected:
  ClusterTest() { Open(); }
  void Open() {
    cluster_.reset();
    store_ = *kv::Store::Open(backend_, {});
    cluster_ = std::make_unique<Cluster>(Three().members, *store_);
    cluster_->OnChange([this] { ++changes_; });
  }
  void Write() {
    ++index_;
    ASSERT_TRUE(store_->Write(kv::Sequence(index_), 1).ok());
  }

  kv::MemoryBackend backend_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<Cluster> cluster_;
  uint64_t index_ = 0;
  int changes_ = 0;
};

TEST_F(ClusterTest, OnlyTheLogCountsOnceItSaysWhoTheMembersAre) {
  EXPECT_FALSE(cluster_->recorded());
  cluster_->Publish(EncodeAttributes(Started(1)));
  cluster_->RaiseFeatureLevel(EncodeFeatureLevel(5));
  EXPECT_EQ(changes_, 0) << "some would know the member and some not";
  MemberList other = Three();
  other.members.erase(other.members.begin());
  cluster_->Begin(EncodeMemberList(other));
  EXPECT_THAT(Ids(*cluster_->list()), ElementsAre(2, 3));
  cluster_->Begin(EncodeMemberList(Three()));
  EXPECT_EQ(changes_, 1) << "once";
  Write();
  Open();
  EXPECT_TRUE(cluster_->recorded());
  EXPECT_THAT(Ids(*cluster_->list()), ElementsAre(2, 3));
}

TEST_F(ClusterTest, AMemberWithoutItsDataCannotSpeakForTheOneThatItWas) {
  cluster_->Begin(EncodeMemberList({.members = {{.id = 1}, {.id = 2}}}));
  ClusterMember self = Started(1);
  EXPECT_FALSE(cluster_->Published(self));
  cluster_->Publish(EncodeAttributes(self));
  EXPECT_TRUE(cluster_->Published(self));
  self.client_urls = {"http://elsewhere:2379"};
  cluster_->Publish(EncodeAttributes(self));
  EXPECT_TRUE(cluster_->Published(self));
  self.data_dir = {77, 77};
  cluster_->Publish(EncodeAttributes(self));
  EXPECT_FALSE(cluster_->Published(self));
  EXPECT_EQ(cluster_->list()->Find(1)->data_dir, (storage::DataDirId{1, 2}));
  const int before = changes_;
  cluster_->Publish(EncodeAttributes(Started(9)));
  cluster_->Publish("no attributes");
  EXPECT_EQ(changes_, before);
}

TEST_F(ClusterTest, AChangeOfVotersCountsWhenTheJointConfigurationIsLeft) {
  cluster_->Begin(EncodeMemberList(Three()));
  EXPECT_TRUE(cluster_->Change(10, EncodeMemberChange(Add(4)), /*joint=*/false));
  EXPECT_EQ(cluster_->FinishChange(), std::nullopt);
  const MemberChange remove{.kind = Kind::kRemove, .id = 2};
  EXPECT_FALSE(cluster_->Change(11, EncodeMemberChange(remove), /*joint=*/true));
  EXPECT_THAT(Ids(*cluster_->list()), ElementsAre(1, 2, 3, 4));
  Write();
  Open();  // a crash in between
  EXPECT_EQ(cluster_->FinishChange(), 11U);
  EXPECT_THAT(Ids(*cluster_->list()), ElementsAre(1, 3, 4));
  EXPECT_TRUE(cluster_->list()->WasRemoved(2));
  EXPECT_EQ(cluster_->FinishChange(), std::nullopt);
}

TEST_F(ClusterTest, TheFeatureLevelOnlyRises) {
  cluster_->Begin(EncodeMemberList(Three()));
  cluster_->RaiseFeatureLevel(EncodeFeatureLevel(2));
  cluster_->RaiseFeatureLevel(EncodeFeatureLevel(1));
  cluster_->RaiseFeatureLevel("");
  EXPECT_EQ(cluster_->list()->feature_level, 2U);
}

TEST_F(ClusterTest, ADowngradeIsKeptUntilItIsTakenBack) {
  cluster_->SetDowngrade(EncodeDowngrade("3.6.0"));
  cluster_->SetDowngrade(EncodeDowngrade(std::string(65, '9')));
  cluster_->SetDowngrade("no downgrade");
  EXPECT_EQ(cluster_->downgrade_target(), "3.6.0");
  Write();
  Open();
  EXPECT_EQ(cluster_->downgrade_target(), "3.6.0");
  cluster_->SetDowngrade(EncodeDowngrade(""));
  EXPECT_EQ(cluster_->downgrade_target(), "");
  Write();
  Open();
  EXPECT_EQ(cluster_->downgrade_target(), "");
}

TEST(JoinFacts, ComeBackAndAMemberIsFoundByItsUrls) {
  JoinFacts facts;
  const std::string bytes = EncodeJoinFacts({0xc1, raft::Index(17), Three()});
  ASSERT_TRUE(DecodeJoinFacts(bytes, facts));
  EXPECT_EQ(facts.cluster_id, 0xc1U);
  EXPECT_EQ(facts.applied, raft::Index(17));
  facts.list.members[0].peer_urls = {"http://a:1", "http://b:2"};
  EXPECT_EQ(FindByPeerUrls(facts.list, {"http://b:2", "http://a:1"})->id, 1U);
  EXPECT_EQ(FindByPeerUrls(facts.list, {"http://a:1"}), nullptr);
  EXPECT_FALSE(DecodeJoinFacts("", facts)) << "somebody who does not know the members yet";
}

// Who wants to join at the URL that member 3 had; it is member 4 now.
class JoinAnswersTest : public ::testing::Test {
 protected:
  JoinAnswersTest() {
    now_.members.pop_back();
    now_.members.push_back({.id = 4, .peer_urls = Url(3)});
    now_.removed = {3};
  }
  static std::vector<std::string> Url(uint64_t id) { return Started(id).peer_urls; }
  void Hear(uint64_t applied, const MemberList& list) {
    answers_.Add({0xc1, raft::Index(applied), list});
  }

  MemberList now_ = Three();
  JoinAnswers answers_;
};

TEST_F(JoinAnswersTest, TheNewestCounts) {
  EXPECT_TRUE(absl::IsUnavailable(answers_.JoinAs(Url(3)).status()));
  Hear(20, now_);
  Hear(10, Three());
  EXPECT_EQ(answers_.JoinAs(Url(3)).value(), 4U);
  Hear(30, now_);
  EXPECT_EQ(answers_.newest()->applied, raft::Index(30));
  EXPECT_EQ(answers_.JoinAs(Url(3)).value(), 4U);
  EXPECT_TRUE(absl::IsNotFound(answers_.JoinAs({"http://nobody:1"}).status()));
}

TEST_F(JoinAnswersTest, ARefusalIsBelievedOfAMajorityOnly) {
  Hear(10, Three());
  EXPECT_TRUE(absl::IsUnavailable(answers_.JoinAs(Url(3)).status()));
  Hear(9, Three());
  EXPECT_TRUE(absl::IsFailedPrecondition(answers_.JoinAs(Url(3)).status()));
  Hear(20, now_);
  EXPECT_EQ(answers_.JoinAs(Url(3)).value(), 4U);
}

}  // namespace
}  // namespace pintle::server::replica

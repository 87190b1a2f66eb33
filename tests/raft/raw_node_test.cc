// The edge of RawNode: what goes into which part of a Ready, limits, and nonsense from outside.
#include "raft/raw_node.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "raft/memory_log.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {
namespace {

constexpr MemberId kSelf{1};
constexpr MemberId kPeer{2};

Payload Bytes(size_t count) { return std::make_shared<const std::string>(std::string(count, 'x')); }

class RawNodeTest : public testing::Test {
 protected:
  void Start(size_t members, Config config = {}) {
    config.id = kSelf;
    std::vector<MemberId> voters;
    for (size_t i = 1; i <= members; ++i) voters.emplace_back(i);
    node_ = std::make_unique<RawNode>(config, RestoredState{HardState{}, ConfState{voters}, {}},
                                      log_, random_);
  }
  // Writes, applies nothing, sends nothing.
  Ready Persist() {
    Ready ready = node_->TakeReady();
    log_.Append(ready.entries);
    node_->Persisted(ready.number);
    return ready;
  }
  void Drain() {
    while (node_->HasReady()) {
      const Ready ready = Persist();
      if (!ready.committed_entries.empty()) {
        node_->AppliedUpTo(ready.committed_entries.back().id.index);
      }
    }
  }
  void FollowInTerm(uint64_t term) {
    node_->Step({kPeer, kSelf, Term{term}, Heartbeat{}});
    Drain();
  }
  template <typename Body>
  static size_t Count(const std::vector<Message>& messages) {
    size_t count = 0;
    for (const Message& message : messages) count += std::holds_alternative<Body>(message.body);
    return count;
  }

  MemoryLog log_;
  ScriptRandom random_{kSelf, 10};
  std::unique_ptr<RawNode> node_;
};

TEST_F(RawNodeTest, NothingToDoAtTheStart) {
  Start(3);
  EXPECT_FALSE(node_->HasReady());
  EXPECT_EQ(node_->Propose(Bytes(1)).outcome, ProposeOutcome::kNoLeader);
  EXPECT_FALSE(node_->HasReady());
}

TEST_F(RawNodeTest, PromisesWaitForTheDisk) {
  Start(3);
  node_->Step({kPeer, kSelf, Term{3}, RequestVote{.last_entry = {}}});
  Ready ready = node_->TakeReady();
  EXPECT_TRUE(ready.must_sync);
  ASSERT_TRUE(ready.hard_state.has_value());
  EXPECT_EQ(*ready.hard_state, (HardState{Term{3}, kPeer, Index{0}}));
  EXPECT_TRUE(ready.messages_now.empty());
  EXPECT_EQ(Count<RequestVoteResponse>(ready.messages_after_persist), 1U);
  node_->Persisted(ready.number);

  AppendEntries append{.entries = {{{Term{3}, Index{1}}, EntryKind::kNormal, Bytes(3)}}};
  node_->Step({kPeer, kSelf, Term{3}, append});
  ready = node_->TakeReady();
  EXPECT_TRUE(ready.must_sync);
  EXPECT_EQ(ready.entries, append.entries);
  EXPECT_TRUE(ready.messages_now.empty());
  EXPECT_EQ(Count<AppendEntriesResponse>(ready.messages_after_persist), 1U);
}

TEST_F(RawNodeTest, HeartbeatAnswerWaitsOnlyForANewTerm) {
  Start(3);
  node_->Step({kPeer, kSelf, Term{3}, Heartbeat{}});
  Ready ready = node_->TakeReady();
  EXPECT_EQ(Count<HeartbeatResponse>(ready.messages_after_persist), 1U);
  node_->Step({kPeer, kSelf, Term{3}, Heartbeat{}});
  EXPECT_EQ(Count<HeartbeatResponse>(node_->TakeReady().messages_after_persist), 1U);
  node_->Persisted(ready.number);
  node_->Step({kPeer, kSelf, Term{3}, Heartbeat{}});
  EXPECT_EQ(Count<HeartbeatResponse>(node_->TakeReady().messages_now), 1U);
}

TEST_F(RawNodeTest, ACommitIndexAloneNeedsNoSync) {
  Start(3);
  FollowInTerm(1);
  AppendEntries append{.entries = {{{Term{1}, Index{1}}, EntryKind::kNormal, Bytes(3)}}};
  node_->Step({kPeer, kSelf, Term{1}, append});
  Drain();
  node_->Step({kPeer, kSelf, Term{1}, Heartbeat{.commit_index = Index{1}}});
  const Ready ready = node_->TakeReady();
  EXPECT_FALSE(ready.must_sync);
  ASSERT_TRUE(ready.hard_state.has_value());
  EXPECT_EQ(ready.hard_state->commit_index, Index{1});
  EXPECT_EQ(ready.committed_entries, append.entries);
}

TEST_F(RawNodeTest, AppliesAtCommitWithoutWaitingForItsOwnDisk) {
  Start(3);
  FollowInTerm(1);
  AppendEntries append{.commit_index = Index{1},
                       .entries = {{{Term{1}, Index{1}}, EntryKind::kNormal, Bytes(3)}}};
  node_->Step({kPeer, kSelf, Term{1}, append});
  const Ready ready = node_->TakeReady();
  EXPECT_EQ(node_->commit_index(), Index{1});
  EXPECT_EQ(ready.committed_entries, append.entries);
  ASSERT_EQ(ready.messages_after_persist.size(), 1U);
  log_.Append(ready.entries);
  node_->Persisted(ready.number);
  EXPECT_FALSE(node_->HasReady());
}

TEST_F(RawNodeTest, UnappliedEntriesAreBounded) {
  Config config;
  config.max_unapplied_bytes = 250;
  Start(1, config);
  Drain();
  for (int i = 0; i < 5; ++i) (void)node_->Propose(Bytes(100 - Entry::kOverheadBytes));
  Persist();
  Ready ready = node_->TakeReady();
  EXPECT_EQ(ready.committed_entries.size(), 2U);
  ready = node_->TakeReady();
  EXPECT_EQ(ready.committed_entries.size(), 1U) << "there is room, so at least one";
  EXPECT_FALSE(node_->HasReady());
  node_->AppliedUpTo(Index{3});
  EXPECT_EQ(node_->TakeReady().committed_entries.size(), 1U);
  node_->AppliedUpTo(Index{5});
  EXPECT_EQ(node_->TakeReady().committed_entries.size(), 1U);
  EXPECT_EQ(node_->GetStatus().applied_index, Index{5});
}

TEST_F(RawNodeTest, ForwardsTravelTogetherUpToTheLimit) {
  Config config;
  config.max_append_bytes = 300;
  Start(3, config);
  FollowInTerm(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(node_->Propose(Bytes(100 - Entry::kOverheadBytes)).outcome,
              ProposeOutcome::kForwarded);
  }
  const Ready ready = node_->TakeReady();
  ASSERT_EQ(ready.messages_now.size(), 2U);
  EXPECT_EQ(std::get<ForwardedProposal>(ready.messages_now[0].body).payloads.size(), 3U);
  EXPECT_EQ(std::get<ForwardedProposal>(ready.messages_now[1].body).payloads.size(), 2U);
}

TEST_F(RawNodeTest, ReadsOfAFollowerShareOneRequest) {
  Start(3);
  FollowInTerm(1);
  for (uint64_t i = 1; i <= 3; ++i) node_->ReadIndex(ReadId{i});
  Ready ready = node_->TakeReady();
  ASSERT_EQ(Count<ReadIndexRequest>(ready.messages_now), 1U);
  const RequestId id = std::get<ReadIndexRequest>(ready.messages_now[0].body).id;
  node_->Step({MemberId{3}, kSelf, Term{1}, ReadIndexResponse{id, Index{9}}});
  EXPECT_FALSE(node_->HasReady()) << "not from the leader";
  node_->Step({kPeer, kSelf, Term{1}, ReadIndexResponse{id, Index{9}}});
  ready = node_->TakeReady();
  ASSERT_EQ(ready.read_states.size(), 3U);
  EXPECT_EQ(ready.read_states[2], (ReadState{ReadId{3}, Index{9}}));
}

TEST_F(RawNodeTest, IgnoresNonsense) {
  Start(3);
  FollowInTerm(2);
  const Status before = node_->GetStatus();
  const Entry entry{{Term{2}, Index{1}}, EntryKind::kNormal, nullptr};
  const Entry after_gap{{Term{2}, Index{3}}, EntryKind::kNormal, nullptr};
  const Entry older{{Term{1}, Index{2}}, EntryKind::kNormal, nullptr};
  const Entry from_the_future{{Term{3}, Index{1}}, EntryKind::kNormal, nullptr};
  const std::vector<Message> nonsense = {
      {kNoMember, kSelf, Term{5}, Heartbeat{}},                                 // from nobody
      {kPeer, MemberId{3}, Term{5}, Heartbeat{}},                               // not for us
      {kSelf, kSelf, Term{5}, Heartbeat{}},                                     // from ourselves
      {kPeer, kSelf, Term{2}, AppendEntries{.entries = {entry, after_gap}}},    // a gap
      {kPeer, kSelf, Term{2}, AppendEntries{.entries = {entry, older}}},        // terms fall
      {kPeer, kSelf, Term{2}, AppendEntries{.entries = {from_the_future}}},     // of a later term
      {kPeer, kSelf, Term{2}, HeartbeatResponse{}},                             // answers …
      {kPeer, kSelf, Term{2}, RequestVoteResponse{.granted = true}},            // … never asked
      {kPeer, kSelf, Term{2}, AppendEntriesResponse{.match_index = Index{7}}},  // for
      {kPeer, kSelf, Term{2}, ReadIndexRequest{{1, 1}}},                        // we do not lead
      {kPeer, kSelf, Term{2}, ForwardedProposal{{1, 1}, {Bytes(1)}}},           // we do not lead
      {kPeer, kSelf, Term{1}, HeartbeatResponse{}},                             // old
  };
  for (size_t i = 0; i < nonsense.size(); ++i) {
    node_->Step(nonsense[i]);
    EXPECT_FALSE(node_->HasReady()) << i;
    EXPECT_EQ(node_->GetStatus().term, before.term) << i;
    EXPECT_EQ(node_->GetStatus().last_entry, before.last_entry) << i;
  }
}

// A piece of a snapshot speaks for the leader of its term.
TEST_F(RawNodeTest, OnlyALeaderSendsPieces) {
  Start(3);
  FollowInTerm(1);
  node_->SendSnapshotMessage(MemberId{3}, InstallSnapshot{});
  EXPECT_FALSE(node_->HasReady());
  node_->SendSnapshotMessage(kPeer, InstallSnapshotResponse{});
  EXPECT_EQ(node_->TakeReady().messages_now.size(), 1U);
}

TEST_F(RawNodeTest, UnknownKindsOfEntriesTravel) {
  Start(3);
  FollowInTerm(1);
  const auto unknown = static_cast<EntryKind>(250);
  const AppendEntries append{.commit_index = Index{1},
                             .entries = {{{Term{1}, Index{1}}, unknown, Bytes(3)}}};
  node_->Step({kPeer, kSelf, Term{1}, append});
  const Ready ready = node_->TakeReady();
  EXPECT_EQ(ready.entries, append.entries);
  EXPECT_EQ(ready.committed_entries, append.entries);
}

TEST_F(RawNodeTest, UnreadableConfChangesAreNotTaken) {
  Start(3);
  FollowInTerm(1);
  const AppendEntries append{.entries = {{{Term{1}, Index{1}}, EntryKind::kConfChange, Bytes(3)}}};
  node_->Step({kPeer, kSelf, Term{1}, append});
  EXPECT_FALSE(node_->HasReady());
}

// What a follower answers to an append of term 2 when it holds 1/1 (committed) and 1/2, 1/3 of an
// older leader.
class OldTailTest : public RawNodeTest {
 protected:
  AppendEntriesResponse AnswerTo(const AppendEntries& append) {
    Start(3);
    AppendEntries old;
    for (uint64_t i = 1; i <= 3; ++i) {
      old.entries.push_back({{Term{1}, Index{i}}, EntryKind::kNormal, nullptr});
    }
    old.commit_index = Index{1};
    node_->Step({kPeer, kSelf, Term{1}, old});
    Drain();
    node_->Step({MemberId{3}, kSelf, Term{2}, append});
    const Ready ready = Persist();
    for (const std::vector<Message>& messages :
         {ready.messages_now, ready.messages_after_persist}) {
      for (const Message& message : messages) {
        if (const auto* answer = std::get_if<AppendEntriesResponse>(&message.body)) return *answer;
      }
    }
    ADD_FAILURE() << "no answer";
    return {};
  }
};

TEST_F(OldTailTest, IsNotAcknowledgedForALateAppend) {
  const AppendEntries late{.previous = {}, .commit_index = Index{1}};
  EXPECT_EQ(AnswerTo(late), AppendEntriesResponse{.match_index = Index{1}});
}

TEST_F(OldTailTest, IsNotAcknowledgedOrCommittedBehindWhatWasSent) {
  const AppendEntries probe{.previous = {Term{1}, Index{2}}, .commit_index = Index{3}};
  EXPECT_EQ(AnswerTo(probe), AppendEntriesResponse{.match_index = Index{2}});
  EXPECT_EQ(node_->commit_index(), Index{2});
}

TEST_F(OldTailTest, RefusesWhatDoesNotFollow) {
  const AppendEntries ahead{.previous = {Term{2}, Index{4}}};
  EXPECT_EQ(AnswerTo(ahead),
            (AppendEntriesResponse{
                .rejected = true, .rejected_index = Index{4}, .hint = {Term{1}, Index{3}}}));
}

TEST_F(RawNodeTest, NoVoteInATermWhoseLeaderIsKnown) {
  Start(3);
  FollowInTerm(2);
  ASSERT_EQ(node_->GetStatus().vote, kNoMember);
  node_->Step({MemberId{3}, kSelf, Term{2}, RequestVote{.last_entry = {Term{1}, Index{9}}}});
  const Ready ready = node_->TakeReady();
  ASSERT_EQ(ready.messages_after_persist.size(), 1U);
  EXPECT_EQ(std::get<RequestVoteResponse>(ready.messages_after_persist[0].body),
            (RequestVoteResponse{.pre_vote = false, .granted = false}));
  EXPECT_EQ(node_->GetStatus().vote, kNoMember);
}

TEST_F(RawNodeTest, PreVotesForAnotherTermDoNotCount) {
  Start(3);
  FollowInTerm(3);
  node_->Campaign();
  const RequestVoteResponse granted{.pre_vote = true, .granted = true};
  for (const uint64_t term : {2, 3, 5, 9}) {
    node_->Step({kPeer, kSelf, Term{term}, granted});
    EXPECT_EQ(node_->soft_state().role, Role::kPreCandidate) << term;
    EXPECT_EQ(node_->term(), Term{3});
  }
  node_->Step({kPeer, kSelf, Term{4}, granted});
  EXPECT_EQ(node_->soft_state().role, Role::kCandidate);
}

TEST_F(RawNodeTest, OwnVoteCountsWhenItIsDurable) {
  Start(3);
  node_->Campaign();
  node_->Step({kPeer, kSelf, Term{1}, RequestVoteResponse{.pre_vote = true, .granted = true}});
  const Ready campaign = node_->TakeReady();
  EXPECT_EQ(Count<RequestVote>(campaign.messages_after_persist), 2U);
  // Nobody can have been asked yet, but a vote of a peer alone would not do either.
  node_->Step({kPeer, kSelf, Term{1}, RequestVoteResponse{.granted = true}});
  node_->Persisted(ReadyNumber{0});
  EXPECT_EQ(node_->soft_state().role, Role::kCandidate);
  node_->Persisted(campaign.number);
  EXPECT_EQ(node_->soft_state().role, Role::kLeader);
}

TEST_F(RawNodeTest, LeaderIgnoresAnAcknowledgementOfWhatItDoesNotHave) {
  Start(3);
  node_->Campaign();
  node_->Step({kPeer, kSelf, Term{1}, RequestVoteResponse{.pre_vote = true, .granted = true}});
  Drain();
  node_->Step({kPeer, kSelf, Term{1}, RequestVoteResponse{.granted = true}});
  Drain();
  ASSERT_EQ(node_->soft_state().role, Role::kLeader);
  node_->Step({kPeer, kSelf, Term{1}, AppendEntriesResponse{.match_index = Index{7}}});
  EXPECT_EQ(node_->commit_index(), Index{0});
  node_->Step({kPeer, kSelf, Term{1}, AppendEntriesResponse{.match_index = Index{1}}});
  EXPECT_EQ(node_->commit_index(), Index{1});
}

TEST_F(RawNodeTest, AFollowerBehindTheCompactedLogIsReportedAndNotSpunOn) {
  for (uint64_t i = 1; i <= 5; ++i) {
    log_.Append(std::vector<Entry>{{{Term{1}, Index{i}}, EntryKind::kNormal, Bytes(1)}});
  }
  log_.Compact(Index{4});
  Config config;
  config.id = kSelf;
  const RestoredState restored{
      {Term{1}, kSelf, Index{5}}, ConfState{{kSelf, kPeer, MemberId{3}}}, Index{5}};
  RawNode node(config, restored, log_, random_);
  node_.reset();
  node.Campaign();
  const auto drain = [&] {
    for (int i = 0; node.HasReady(); ++i) {
      ASSERT_LT(i, 10) << "never stops having work";
      const Ready ready = node.TakeReady();
      log_.Append(ready.entries);
      node.Persisted(ready.number);
    }
  };
  node.Step({kPeer, kSelf, Term{2}, RequestVoteResponse{.pre_vote = true, .granted = true}});
  drain();
  node.Step({kPeer, kSelf, Term{2}, RequestVoteResponse{.granted = true}});
  drain();
  ASSERT_EQ(node.soft_state().role, Role::kLeader);
  node.Step({kPeer, kSelf, Term{2},
             AppendEntriesResponse{.rejected = true, .rejected_index = Index{5}, .hint = {}}});
  drain();
  const Status status = node.GetStatus();
  ASSERT_EQ(status.peers.size(), 2U);
  EXPECT_TRUE(status.peers[0].behind_log);
  EXPECT_FALSE(status.peers[1].behind_log);
}

using RawNodeDeathTest = RawNodeTest;

TEST_F(RawNodeDeathTest, TheOwnersMistakesEndTheProcess) {
  Start(3);
  EXPECT_DEATH(node_->Persisted(ReadyNumber{1}), "never taken");
  EXPECT_DEATH(node_->AppliedUpTo(Index{1}), "not given to apply");
  Config config;
  config.id = kSelf;
  EXPECT_DEATH(RawNode(config, RestoredState{{}, ConfState{{kSelf}}, Index{4}}, log_, random_),
               "ahead of the log");
}

TEST_F(RawNodeDeathTest, TwoLeadersInOneTermEndTheProcess) {
  Start(3);
  FollowInTerm(2);
  EXPECT_DEATH(node_->Step({MemberId{3}, kSelf, Term{2}, Heartbeat{}}), "two leaders");
}

TEST(ConfigTest, ValidateNamesWhatIsWrong) {
  const Config good{.id = kSelf};
  EXPECT_TRUE(Validate(good).ok());
  const auto refuses = [&](auto change) {
    Config config = good;
    change(config);
    return absl::IsInvalidArgument(Validate(config));
  };
  EXPECT_TRUE(refuses([](Config& c) { c.id = kNoMember; }));
  EXPECT_TRUE(refuses([](Config& c) { c.heartbeat_ticks = 0; }));
  EXPECT_TRUE(refuses([](Config& c) { c.election_ticks = c.heartbeat_ticks; }));
  EXPECT_TRUE(refuses([](Config& c) { c.election_ticks = 2'000'000; }));
  EXPECT_TRUE(refuses([](Config& c) { c.max_append_bytes = 0; }));
  EXPECT_TRUE(refuses([](Config& c) { c.max_inflight_bytes = c.max_append_bytes - 1; }));
  EXPECT_TRUE(refuses([](Config& c) { c.max_pending_reads = 0; }));
}

}  // namespace
}  // namespace pintle::raft

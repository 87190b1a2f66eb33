// Questions about leases while leaders come and go. Time, leader and answers are the test's.
#include "server/replica/lease_asker.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/replica/errors.h"

namespace pintle::server::replica {
namespace {

class HandClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1000);
};

class HeldQuestions final : public PeerTransport {
 public:
  absl::Status Start(PeerSelf, Callbacks) override { return absl::OkStatus(); }
  void SetPeers(PeerSet) override {}
  void Stop() override {}
  void Send(std::vector<raft::Message>) override {}
  void Ask(raft::MemberId peer, PeerQuestion, absl::Duration timeout, AskDone done) override {
    asked.push_back({peer, timeout, std::move(done)});
  }
  Stats stats() const override { return {}; }

  struct Asked {
    raft::MemberId peer;
    absl::Duration timeout;
    AskDone done;
  };
  std::vector<Asked> asked;
};

class LeaseAskerTest : public ::testing::Test {
 protected:
  void Ask() {
    asker_.Ask({LeaseQuestion::Kind::kKeepAlive, 7},
               [this](absl::StatusOr<LeaseAnswer> answer) { answers_.push_back(answer); });
  }
  // What the transport was asked last is answered.
  void Answer(bool is_leader) {
    transport_.asked.back().done(EncodeLeaseAnswer({.is_leader = is_leader, .ttl_seconds = 60}));
  }

  HandClock clock_;
  HeldQuestions transport_;
  raft::MemberId leader_{2};
  bool lead_ = false;
  std::vector<absl::StatusOr<LeaseAnswer>> answers_;
  LeaseAsker asker_{{.self = raft::MemberId(1),
                     .own_answer =
                         [this](const LeaseQuestion&, LeaseAsker::OwnDone done) {
                           done(LeaseAnswer{.is_leader = lead_, .ttl_seconds = 30});
                         },
                     .leader = [this] { return leader_; },
                     .transport = transport_,
                     .clock = clock_,
                     .patience = absl::Seconds(7),
                     .peer_patience = absl::Seconds(1)}};
};

TEST_F(LeaseAskerTest, TheLeaderAnswersItself) {
  lead_ = true;
  leader_ = raft::MemberId(1);
  Ask();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0]->ttl_seconds, 30);
  EXPECT_TRUE(transport_.asked.empty());
}

TEST_F(LeaseAskerTest, AnOldLeadersRefusalIsNoAnswer) {
  Ask();
  ASSERT_EQ(transport_.asked.size(), 1u);
  EXPECT_EQ(transport_.asked[0].peer, raft::MemberId(2));
  EXPECT_EQ(transport_.asked[0].timeout, absl::Seconds(1));
  Answer(/*is_leader=*/false);
  leader_ = raft::kNoMember;
  asker_.Retry();
  EXPECT_EQ(transport_.asked.size(), 1u);
  leader_ = raft::MemberId(3);
  asker_.Retry();
  ASSERT_EQ(transport_.asked.size(), 2u);
  EXPECT_EQ(transport_.asked[1].peer, raft::MemberId(3));
  EXPECT_TRUE(answers_.empty());
  Answer(/*is_leader=*/true);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0]->ttl_seconds, 60);
  asker_.Retry();
  EXPECT_EQ(transport_.asked.size(), 2u);
}

TEST_F(LeaseAskerTest, WhoHasBeenElectedJustNowAnswersWhenItCan) {
  leader_ = raft::MemberId(1);
  Ask();
  EXPECT_TRUE(answers_.empty());
  lead_ = true;
  asker_.Retry();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0].ok());
}

TEST_F(LeaseAskerTest, TimeIsUp) {
  leader_ = raft::kNoMember;
  Ask();
  clock_.now += absl::Seconds(6);
  asker_.Retry();
  EXPECT_TRUE(answers_.empty());
  leader_ = raft::MemberId(2);
  asker_.Retry();
  ASSERT_EQ(transport_.asked.size(), 1u);
  EXPECT_EQ(transport_.asked[0].timeout, absl::Seconds(1));
  clock_.now += absl::Seconds(1);
  transport_.asked[0].done(absl::UnavailableError("no answer"));
  asker_.Retry();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status(), ErrTimeout());
  leader_ = raft::kNoMember;
  Ask();
  clock_.now += absl::Seconds(7);
  asker_.Retry();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].status(), ErrNoLeader());
}

TEST_F(LeaseAskerTest, EverybodyHearsThatItHasStopped) {
  leader_ = raft::kNoMember;
  Ask();
  asker_.Close();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].status(), ErrStopped());
  leader_ = raft::MemberId(2);
  Ask();
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].status(), ErrStopped());
  EXPECT_TRUE(transport_.asked.empty());
}

}  // namespace
}  // namespace pintle::server::replica

// Who is odd, when that is nobody, and what the members tell each other.
#include "server/replica/integrity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace pintle::server::replica {
namespace {

using Kind = HashVotes::Verdict::Kind;

constexpr raft::MemberId kOne{1};
constexpr raft::MemberId kTwo{2};
constexpr raft::MemberId kThree{3};
const std::vector<raft::MemberId> kVoters{kOne, kTwo, kThree};

Checkpoint At(uint64_t index, uint64_t hash, Checkpoint::Kind kind = Checkpoint::Kind::kChain) {
  return {kind, raft::Index(index), hash};
}

TEST(HashVotesTest, AMajorityDecides) {
  HashVotes votes;
  votes.Note(kOne, At(1024, 7));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing);
  votes.Note(kTwo, At(1024, 8));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing) << "one against one";
  votes.Note(kThree, At(1024, 8));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kOdd);
  EXPECT_EQ(votes.Look(kOne, kVoters).own, At(1024, 7));
  EXPECT_EQ(votes.Look(kTwo, kVoters).kind, Kind::kNothing);
  votes.Forget(kOne);
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing);
  votes.Note(kOne, At(1024, 8));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing);
}

TEST(HashVotesTest, OnlyTheSameIsCompared) {
  HashVotes votes;
  votes.Note(kOne, At(1024, 7));
  votes.Note(kTwo, At(2048, 8));
  votes.Note(kThree, At(2048, 8));
  votes.Note(kTwo, At(1024, 8, Checkpoint::Kind::kContent));
  votes.Note(kThree, At(1024, 8, Checkpoint::Kind::kContent));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing);
}

TEST(HashVotesTest, ALearnerIsJudgedAndDoesNotJudge) {
  constexpr raft::MemberId kLearner{9};
  HashVotes votes;
  votes.Note(kLearner, At(1024, 7));
  votes.Note(kOne, At(1024, 8));
  votes.Note(kTwo, At(1024, 8));
  EXPECT_EQ(votes.Look(kLearner, kVoters).kind, Kind::kOdd);
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing);
}

TEST(HashVotesTest, WhenAllHaveSpokenAndNoMajorityAgreesThatIsASplit) {
  HashVotes votes;
  votes.Note(kOne, At(1024, 7));
  votes.Note(kTwo, At(1024, 8));
  votes.Note(kThree, At(1024, 9));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kSplit);
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing) << "said once";
  HashVotes two;
  two.Note(kOne, At(1024, 7));
  two.Note(kTwo, At(1024, 8));
  EXPECT_EQ(two.Look(kOne, {kOne, kTwo}).kind, Kind::kSplit);
}

TEST(HashVotesTest, ADifferenceThatStaysOpenIsASplit) {
  HashVotes votes;
  votes.Note(kOne, At(1024, 7));
  votes.Note(kTwo, At(1024, 8));
  for (int i = 0; i < HashVotes::kMostLooks; ++i)
    ASSERT_EQ(votes.Look(kOne, kVoters).kind, Kind::kNothing) << i;
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, Kind::kSplit);
}

TEST(HashVotesTest, KeepsTheNewest) {
  HashVotes votes;
  for (uint64_t i = 1; i <= 100; ++i) votes.Note(kOne, At(i, i));
  EXPECT_EQ(votes.Newest(kOne, 1000).size(), HashVotes::kMostPerMember);
  EXPECT_EQ(votes.Newest(kOne, 2), (std::vector<Checkpoint>{At(99, 99), At(100, 100)}));
  EXPECT_TRUE(votes.Newest(kTwo, 2).empty());
}

TEST(MemberReportTest, ComesBackAndNothingElseDoes) {
  const MemberReport report{.from = raft::MemberId(0x0102030405060708),
                            .short_of_room = true,
                            .keeps_alarm = true,
                            .checkpoints = {At(1024, 7), At(2000, 9, Checkpoint::Kind::kContent)}};
  const std::string bytes = EncodeReport(report);
  EXPECT_EQ(bytes.size(), 11u + 2 * 17);
  MemberReport read;
  ASSERT_TRUE(DecodeReport(bytes, read));
  EXPECT_EQ(read.from, report.from);
  EXPECT_TRUE(read.short_of_room);
  EXPECT_TRUE(read.keeps_alarm);
  EXPECT_EQ(read.checkpoints, report.checkpoints);
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(DecodeReport(bytes.substr(0, cut), read));
  EXPECT_FALSE(DecodeReport(bytes + "x", read));
  for (const size_t at : {0, 9, 10, 11}) {
    std::string other = bytes;
    other[at] = '\x7f';
    EXPECT_FALSE(DecodeReport(other, read)) << at;
  }
}

class IntegrityTest : public ::testing::Test {
 protected:
  // Seconds go by; the others say what they say all the time.
  void Pass(int seconds, bool is_leader = true) {
    for (int i = 0; i < seconds * 10; ++i) {
      now_ += absl::Milliseconds(100);
      for (const MemberReport& other : others_) integrity_.Heard(EncodeReport(other));
      integrity_.Tick(now_, is_leader);
    }
  }

  absl::Time now_ = absl::UnixEpoch();
  std::vector<MemberReport> others_;
  bool short_of_room_ = false;
  bool keeps_alarm_ = false;
  std::vector<std::string> sent_;
  std::vector<kv::Alarm> alarms_;
  bool raised_is_lost_ = false;
  bool disarmed_at_once_ = false;
  int raised_ = 0;
  std::string distrusted_;
  int checks_ = 0;
  Integrity integrity_{kOne,
                       absl::Seconds(30),
                       {.voters = [] { return kVoters; },
                        .send = [this](const std::string& report) { sent_.push_back(report); },
                        .short_of_room = [this] { return short_of_room_; },
                        .keeps_alarm = [this] { return keeps_alarm_; },
                        .distrust_store =
                            [this](const absl::Status& why) {
                              distrusted_ = std::string(why.message());
                              integrity_.ContentReplaced();
                            },
                        .raise =
                            [this](const kv::Alarm& alarm) {
                              if (raised_is_lost_) return;
                              if (std::find(alarms_.begin(), alarms_.end(), alarm) == alarms_.end())
                                alarms_.push_back(alarm);
                              integrity_.Raised(alarm);
                              if (disarmed_at_once_) alarms_.clear();
                              ++raised_;
                            },
                        .clear = [this](const kv::Alarm& alarm) { std::erase(alarms_, alarm); },
                        .alarms = [this] { return alarms_; },
                        .propose_check = [this] { ++checks_; }}};
};

TEST_F(IntegrityTest, ReportsOnceASecond) {
  integrity_.Reached(At(1024, 7));
  Pass(5);
  ASSERT_EQ(sent_.size(), 5u);
  MemberReport report;
  ASSERT_TRUE(DecodeReport(sent_.back(), report));
  EXPECT_EQ(report.from, kOne);
  EXPECT_EQ(report.checkpoints, std::vector<Checkpoint>{At(1024, 7)});
}

TEST_F(IntegrityTest, TheOddOneDoesNotTrustItself) {
  integrity_.Reached(At(1024, 7));
  others_ = {{.from = kTwo, .checkpoints = {At(1024, 8)}},
             {.from = kThree, .checkpoints = {At(1024, 8)}}};
  Pass(2, /*is_leader=*/false);
  EXPECT_EQ(distrusted_, "the hash chain at entry 1024 is not what the other members have");
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(IntegrityTest, StrangersDoNotVote) {
  integrity_.Reached(At(1024, 7));
  others_ = {{.from = raft::MemberId(8), .checkpoints = {At(1024, 8)}},
             {.from = raft::MemberId(9), .checkpoints = {At(1024, 8)}}};
  Pass(3);
  EXPECT_EQ(distrusted_, "");
}

TEST_F(IntegrityTest, WithoutAMajorityTheAlarmIsRaisedOnceSomebodyLeads) {
  integrity_.Reached(At(1024, 7, Checkpoint::Kind::kContent));
  others_ = {{.from = kTwo, .checkpoints = {At(1024, 8, Checkpoint::Kind::kContent)}},
             {.from = kThree, .checkpoints = {At(1024, 9, Checkpoint::Kind::kContent)}}};
  Pass(5, /*is_leader=*/false);
  EXPECT_TRUE(alarms_.empty());
  Pass(2);
  const kv::Alarm corrupt{.member_id = 0, .type = kv::AlarmType::kCorrupt};
  EXPECT_EQ(alarms_, std::vector<kv::Alarm>{corrupt});
  EXPECT_EQ(distrusted_, "") << "nobody is wiped";
  alarms_.clear();
  Pass(5);
  EXPECT_TRUE(alarms_.empty()) << "what an operator has disarmed stays so";
}

class IntegritySplitTest : public IntegrityTest {
 protected:
  void SetUp() override { DisagreeAt(1024); }

  void DisagreeAt(uint64_t index) {
    integrity_.Reached(At(index, 7));
    others_ = {{.from = kTwo, .checkpoints = {At(index, 8)}},
               {.from = kThree, .checkpoints = {At(index, 9)}}};
  }
};

TEST_F(IntegritySplitTest, WhoDisarmsWithinTheSecondIsBelieved) {
  disarmed_at_once_ = true;
  Pass(10);
  EXPECT_EQ(raised_, 1);
}

TEST_F(IntegritySplitTest, AnAlarmThatWasLostIsRaisedAgain) {
  raised_is_lost_ = true;
  Pass(5);
  raised_is_lost_ = false;
  Pass(2);
  EXPECT_EQ(alarms_.size(), 1u);
}

TEST_F(IntegritySplitTest, WhatIsSeenBesideTheAlarmIsPartOfIt) {
  Pass(2);
  DisagreeAt(2048);
  Pass(2);
  alarms_.clear();
  Pass(5);
  EXPECT_EQ(raised_, 1);
}

TEST_F(IntegrityTest, AFullDiskRaisesTheAlarmAndRoomClearsIt) {
  others_ = {{.from = kTwo}, {.from = kThree, .short_of_room = true}};
  Pass(7);
  const kv::Alarm full{.member_id = 3, .type = kv::AlarmType::kNoSpace, .automatic = true};
  EXPECT_EQ(alarms_, std::vector<kv::Alarm>{full});
  others_[1].short_of_room = false;
  Pass(2);
  EXPECT_TRUE(alarms_.empty());
  short_of_room_ = true;
  Pass(2);
  EXPECT_EQ(alarms_.size(), 1u);
}

TEST_F(IntegrityTest, AFullDiskIsToldAndActedUponAtOnce) {
  Pass(7);
  sent_.clear();
  short_of_room_ = true;
  now_ += absl::Milliseconds(100);
  integrity_.Tick(now_, true);
  EXPECT_EQ(sent_.size(), 1u);
  EXPECT_EQ(alarms_.size(), 1u);
  others_ = {{.from = kThree, .short_of_room = true}};
  now_ += absl::Milliseconds(100);
  integrity_.Heard(EncodeReport(others_[0]));
  integrity_.Tick(now_, true);
  EXPECT_EQ(alarms_.size(), 2u);
}

TEST_F(IntegrityTest, ANewLeaderClearsNothingBeforeItHasHeardEverybody) {
  alarms_ = {{.member_id = 3, .type = kv::AlarmType::kNoSpace, .automatic = true}};
  Pass(4);
  EXPECT_EQ(alarms_.size(), 1u);
  Pass(3);
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(IntegrityTest, AnAlarmForTheQuotaStaysUntilItsMemberIsCalm) {
  others_ = {{.from = kTwo, .keeps_alarm = true}, {.from = kThree}};
  Pass(7);
  EXPECT_TRUE(alarms_.empty()) << "it is the member's to raise it";
  const kv::Alarm quota{.member_id = 2, .type = kv::AlarmType::kNoSpace, .automatic = true};
  alarms_ = {quota};
  Pass(20);
  EXPECT_EQ(alarms_, std::vector<kv::Alarm>{quota});
  alarms_.clear();
  Pass(2);
  EXPECT_TRUE(alarms_.empty()) << "disarmed is disarmed";
  alarms_ = {quota};
  others_[0].keeps_alarm = false;
  Pass(2);
  EXPECT_EQ(alarms_.size(), 1u) << "its member may not have said yet why";
  Pass(3);
  EXPECT_TRUE(alarms_.empty());
  keeps_alarm_ = true;
  alarms_ = {{.member_id = 1, .type = kv::AlarmType::kNoSpace, .automatic = true}};
  Pass(20);
  EXPECT_EQ(alarms_.size(), 1u);
}

TEST_F(IntegrityTest, WhoIsSilentIsNotWaitedFor) {
  others_ = {{.from = kThree, .short_of_room = true}};
  Pass(7);
  EXPECT_EQ(alarms_.size(), 1u);
  others_.clear();
  Pass(3);
  EXPECT_EQ(alarms_.size(), 1u);
  Pass(5);
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(IntegrityTest, AnOperatorsAlarmStays) {
  alarms_ = {{.member_id = 3, .type = kv::AlarmType::kNoSpace}};
  Pass(20);
  EXPECT_EQ(alarms_.size(), 1u);
}

TEST_F(IntegrityTest, ASnapshotIsFollowedByACheckUnlessThereWasOneLately) {
  Pass(1);
  integrity_.SnapshotSent();
  Pass(2);
  EXPECT_EQ(checks_, 1);
  integrity_.SnapshotSent();
  Pass(2);
  EXPECT_EQ(checks_, 1);
}

// What it got from the leader would make two of what the leader has.
TEST_F(IntegrityTest, WhoGotASnapshotIsNoWitnessInTheNextCheck) {
  integrity_.Installed();
  integrity_.Reached(At(1000, 7, Checkpoint::Kind::kContent));
  integrity_.Reached(At(1024, 5));
  Pass(2, /*is_leader=*/false);
  MemberReport report;
  ASSERT_TRUE(DecodeReport(sent_.back(), report));
  const Checkpoint abstains = At(1000, Checkpoint::kNoWitness, Checkpoint::Kind::kContent);
  EXPECT_EQ(report.checkpoints, (std::vector<Checkpoint>{abstains, At(1024, 5)}));
  integrity_.Reached(At(2000, 8, Checkpoint::Kind::kContent));
  Pass(2, /*is_leader=*/false);
  ASSERT_TRUE(DecodeReport(sent_.back(), report));
  EXPECT_EQ(report.checkpoints.back(), At(2000, 8, Checkpoint::Kind::kContent));
}

TEST(HashVotesTest, WhoAbstainsHasSpokenAndIsNoVote) {
  HashVotes votes;
  votes.Note(kOne, At(1024, 7));
  votes.Note(kTwo, At(1024, 8));
  votes.Note(kThree, At(1024, Checkpoint::kNoWitness));
  EXPECT_EQ(votes.Look(kOne, kVoters).kind, HashVotes::Verdict::Kind::kSplit);
  HashVotes of_three;
  of_three.Note(kThree, At(1024, Checkpoint::kNoWitness));
  of_three.Note(kOne, At(1024, 7));
  of_three.Note(kTwo, At(1024, 7));
  EXPECT_EQ(of_three.Look(kThree, kVoters).kind, HashVotes::Verdict::Kind::kNothing);
}

TEST_F(IntegrityTest, NobodyThrowsItsStoreAwayWhileTheAlarmIsThere) {
  alarms_ = {{.member_id = 0, .type = kv::AlarmType::kCorrupt}};
  integrity_.Reached(At(1000, 7, Checkpoint::Kind::kContent));
  others_ = {{.from = kTwo, .checkpoints = {At(1000, 8, Checkpoint::Kind::kContent)}},
             {.from = kThree, .checkpoints = {At(1000, 8, Checkpoint::Kind::kContent)}}};
  Pass(5, /*is_leader=*/false);
  EXPECT_EQ(distrusted_, "");
  alarms_.clear();
  Pass(2, /*is_leader=*/false);
  EXPECT_NE(distrusted_, "");
}

TEST_F(IntegrityTest, OnlyTheLeaderHasTheContentChecked) {
  Pass(100, /*is_leader=*/false);
  EXPECT_EQ(checks_, 0);
  Pass(2);
  EXPECT_EQ(checks_, 1) << "it was time long ago";
  integrity_.CheckSkipped();
  Pass(12);
  EXPECT_EQ(checks_, 2) << "soon again";
  Pass(32);
  EXPECT_EQ(checks_, 3);
}

// However often the leader changes, the content is compared.
TEST_F(IntegrityTest, TheIntervalGoesOnUnderTheNextLeader) {
  for (int i = 0; i < 4; ++i) {
    Pass(5, /*is_leader=*/false);
    Pass(5, /*is_leader=*/true);
  }
  EXPECT_EQ(checks_, 1);
  integrity_.Reached(At(1000, 7, Checkpoint::Kind::kContent));  // another leader had it checked
  Pass(28);
  EXPECT_EQ(checks_, 1);
  Pass(4);
  EXPECT_EQ(checks_, 2);
}

}  // namespace
}  // namespace pintle::server::replica

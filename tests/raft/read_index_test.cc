#include "raft/read_index.h"

#include <variant>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::raft {
namespace {

constexpr MemberId kSelf{1};
constexpr MemberId kSecond{2};
constexpr MemberId kThird{3};

Config SmallConfig() {
  Config config{.id = kSelf, .election_ticks = 3};
  config.max_pending_reads = 3;
  config.max_read_rounds = 2;
  return config;
}

const Quorum& Three() {
  static const Quorum quorum({kSelf, kSecond, kThird});
  return quorum;
}

TEST(LeaderReadsTest, RoundNeedsAQuorumOfItsOwnAnswers) {
  LeaderReads reads(SmallConfig());
  EXPECT_FALSE(reads.CanStart());
  EXPECT_TRUE(reads.Add(ReadId{10}));
  ASSERT_TRUE(reads.CanStart());
  reads.Start(Index{5});
  EXPECT_EQ(reads.last_round(), ReadRound{1});
  EXPECT_TRUE(reads.TakeConfirmed(Three(), kSelf).empty()) << "alone it is no quorum";

  // A read that came later shares no round that had begun.
  EXPECT_TRUE(reads.Add(ReadId{11}));
  reads.Start(Index{6});
  reads.Acknowledged(kSecond, ReadRound{1});
  auto confirmed = reads.TakeConfirmed(Three(), kSelf);
  ASSERT_EQ(confirmed.size(), 1U);
  EXPECT_EQ(confirmed[0].read_index, Index{5});
  ASSERT_EQ(confirmed[0].reads.size(), 1U);
  EXPECT_EQ(std::get<ReadId>(confirmed[0].reads[0]), ReadId{10});
  EXPECT_TRUE(reads.TakeConfirmed(Three(), kSelf).empty());

  reads.Acknowledged(kSecond, ReadRound{1});  // again: nothing
  EXPECT_TRUE(reads.TakeConfirmed(Three(), kSelf).empty());
  reads.Acknowledged(kThird, ReadRound{2});
  confirmed = reads.TakeConfirmed(Three(), kSelf);
  ASSERT_EQ(confirmed.size(), 1U);
  EXPECT_EQ(confirmed[0].read_index, Index{6});
  EXPECT_EQ(reads.size(), 0U);
}

TEST(LeaderReadsTest, LaterAnswerConfirmsEarlierRounds) {
  LeaderReads reads(SmallConfig());
  EXPECT_TRUE(reads.Add(ReadId{10}));
  reads.Start(Index{5});
  EXPECT_TRUE(reads.Add(RemoteRead{kThird, {7, 1}}));
  reads.Start(Index{6});
  reads.Acknowledged(kThird, ReadRound{2});
  EXPECT_EQ(reads.TakeConfirmed(Three(), kSelf).size(), 2U);
}

TEST(LeaderReadsTest, AnswerToARoundThatNeverWasIsIgnored) {
  LeaderReads reads(SmallConfig());
  reads.Acknowledged(kSecond, ReadRound{9});
  EXPECT_TRUE(reads.Add(ReadId{10}));
  reads.Start(Index{5});
  EXPECT_TRUE(reads.TakeConfirmed(Three(), kSelf).empty());
}

TEST(LeaderReadsTest, BoundsReadsAndRounds) {
  LeaderReads reads(SmallConfig());
  EXPECT_TRUE(reads.Add(ReadId{1}));
  reads.Start(Index{5});
  EXPECT_TRUE(reads.Add(ReadId{2}));
  reads.Start(Index{5});
  EXPECT_TRUE(reads.Add(ReadId{3}));
  EXPECT_FALSE(reads.CanStart()) << "two rounds are under way";
  EXPECT_FALSE(reads.Add(ReadId{4})) << "three reads wait";
  EXPECT_EQ(reads.OwnReads(), (std::vector<ReadId>{ReadId{1}, ReadId{2}, ReadId{3}}));
  reads.Acknowledged(kSecond, ReadRound{1});
  EXPECT_EQ(reads.TakeConfirmed(Three(), kSelf).size(), 1U);
  EXPECT_TRUE(reads.CanStart());
  EXPECT_TRUE(reads.Add(ReadId{4}));
}

TEST(LeaderReadsTest, TheOnlyVoterConfirmsItself) {
  LeaderReads reads(SmallConfig());
  EXPECT_TRUE(reads.Add(ReadId{1}));
  reads.Start(Index{5});
  EXPECT_EQ(reads.TakeConfirmed(Quorum({kSelf}), kSelf).size(), 1U);
}

TEST(FollowerReadsTest, AnswersByRequestAndForgetsAfterPatience) {
  FollowerReads reads(SmallConfig());
  EXPECT_TRUE(reads.Add(ReadId{1}));
  EXPECT_TRUE(reads.Add(ReadId{2}));
  reads.Asked({7, 1});
  EXPECT_FALSE(reads.HasGathered());
  EXPECT_TRUE(reads.Add(ReadId{3}));
  EXPECT_FALSE(reads.Add(ReadId{4})) << "three reads wait";
  reads.Asked({7, 2});
  EXPECT_TRUE(reads.TakeAnswered({8, 1}).empty()) << "another incarnation's";
  EXPECT_EQ(reads.TakeAnswered({7, 2}), (std::vector<ReadId>{ReadId{3}}));
  EXPECT_TRUE(reads.TakeAnswered({7, 2}).empty());
  EXPECT_TRUE(reads.TakeExpired().empty());
  EXPECT_TRUE(reads.TakeExpired().empty());
  EXPECT_EQ(reads.All().size(), 2U);
  EXPECT_EQ(reads.TakeExpired(), (std::vector<ReadId>{ReadId{1}, ReadId{2}}));
  EXPECT_TRUE(reads.All().empty());
}

}  // namespace
}  // namespace pintle::raft

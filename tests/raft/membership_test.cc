// Configurations as values, the one in force, and what decides about hand-over and floors.
#include "raft/membership.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "raft/configurations.h"
#include "raft/quorum.h"
#include "raft/transfer.h"
#include "raft/vote_floor.h"

namespace pintle::raft {
namespace {

std::vector<MemberId> Ids(std::initializer_list<uint64_t> numbers) {
  std::vector<MemberId> ids;
  for (const uint64_t number : numbers) ids.emplace_back(number);
  return ids;
}

ConfState Conf(std::initializer_list<uint64_t> voters,
               std::initializer_list<uint64_t> outgoing = {},
               std::initializer_list<uint64_t> learners = {}) {
  return {Ids(voters), Ids(outgoing), Ids(learners)};
}

Entry ConfEntry(uint64_t index, const ConfState& conf) {
  return {{Term{1}, Index{index}},
          EntryKind::kConfChange,
          std::make_shared<const std::string>(EncodeConfChange(conf, "context"))};
}

TEST(MembershipTest, EntriesComeBack) {
  const ConfState conf = Conf({1, 2, 9}, {1, 2, 3}, {4});
  const std::string bytes = EncodeConfChange(conf, "who and where");
  ConfChange change;
  ASSERT_TRUE(DecodeConfChange(bytes, change));
  EXPECT_EQ(change.conf_state, conf);
  EXPECT_EQ(change.context, "who and where");
}

// The layout is on disks: one byte format, three lists of fixed32 count and fixed64 ids, context.
TEST(MembershipTest, EntriesKeepTheirLayout) {
  EXPECT_EQ(EncodeConfChange(Conf({1}), "x"), std::string("\1"
                                                          "\1\0\0\0"
                                                          "\1\0\0\0\0\0\0\0"
                                                          "\0\0\0\0"
                                                          "\0\0\0\0"
                                                          "x",
                                                          22));
}

TEST(MembershipTest, NothingElseIsTaken) {
  const std::string bytes = EncodeConfChange(Conf({1, 2}, {1}, {3}), "");
  ConfChange change;
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(DecodeConfChange(std::string_view(bytes).substr(0, length), change)) << length;
  }
  EXPECT_FALSE(DecodeConfChange("\2" + bytes.substr(1), change)) << "another format";
  for (const ConfState& conf : {Conf({}), Conf({2, 1}), Conf({1, 1}), Conf({0, 1}),
                                Conf({1}, {}, {1}), Conf({1}, {2}, {2}), Conf({1}, {3, 2})}) {
    EXPECT_FALSE(IsValid(conf));
    EXPECT_FALSE(DecodeConfChange(EncodeConfChange(conf, ""), change));
  }
  ConfState many;
  for (uint64_t i = 1; i <= kMaxMembers; ++i) many.voters.emplace_back(i);
  EXPECT_TRUE(IsValid(many));
  many.learners.emplace_back(kMaxMembers + 1);
  EXPECT_FALSE(IsValid(many));
}

TEST(MembershipTest, Targets) {
  const ConfState three = Conf({1, 2, 3});
  EXPECT_EQ(WithLearner(three, MemberId{4}), Conf({1, 2, 3}, {}, {4}));
  EXPECT_EQ(WithLearner(three, MemberId{2}), three) << "a voter stays one";
  EXPECT_EQ(WithVoter(Conf({1, 3}, {}, {2}), MemberId{2}), three);
  EXPECT_EQ(Without(Conf({1, 2}, {}, {3}), MemberId{3}), Conf({1, 2}));
  EXPECT_EQ(WithReplacement(three, MemberId{1}, MemberId{4}), Conf({2, 3, 4}));
  EXPECT_EQ(WithReplacement(Conf({1}, {}, {2}), MemberId{2}, MemberId{4}), Conf({1}, {}, {4}));
}

TEST(MembershipTest, VotersChangeByWayOfAJointConfiguration) {
  const ConfState three = Conf({1, 2, 3});
  EXPECT_EQ(FirstStep(three, Conf({1, 2, 3}, {}, {4})), Conf({1, 2, 3}, {}, {4}));
  const auto joint = FirstStep(three, Conf({1, 2, 4}, {}, {5}));
  ASSERT_EQ(joint, Conf({1, 2, 4}, {1, 2, 3}, {5}));
  EXPECT_EQ(LeaveJoint(*joint), Conf({1, 2, 4}, {}, {5}));
  EXPECT_EQ(FirstStep(*joint, three), std::nullopt) << "not finished";
  EXPECT_EQ(FirstStep(three, *joint), std::nullopt) << "a joint target";
  EXPECT_EQ(FirstStep(three, Conf({})), std::nullopt);
  EXPECT_EQ(FirstStep(three, Conf({1, 2}, {}, {3})), std::nullopt) << "a voter becomes a learner";
}

TEST(MembershipTest, NeighboursHaveQuorumsThatMeet) {
  EXPECT_TRUE(AreNeighbours(Conf({1, 2, 3}), Conf({4, 5}, {1, 2, 3})));
  EXPECT_TRUE(AreNeighbours(Conf({4, 5}, {1, 2, 3}), Conf({4, 5})));
  EXPECT_TRUE(AreNeighbours(Conf({1}), Conf({1}, {}, {2})));
  EXPECT_FALSE(AreNeighbours(Conf({1, 2, 3}), Conf({1, 2})));
  EXPECT_FALSE(AreNeighbours(Conf({4, 5}, {1, 2, 3}), Conf({1, 2, 3})));
  EXPECT_FALSE(AreNeighbours(Conf({1, 2}), Conf({3}, {1})));
}

TEST(ConfigurationsTest, InForceWhenAppendedAndUndoneByReplacement) {
  Configurations configurations(Conf({1, 2, 3}), Index{0});
  const std::vector<Entry> entries = {
      {{Term{1}, Index{1}}, EntryKind::kNormal, nullptr},
      ConfEntry(2, Conf({1, 2}, {1, 2, 3})),
  };
  configurations.Append(entries);
  EXPECT_EQ(configurations.in_force(), Conf({1, 2}, {1, 2, 3}));
  EXPECT_EQ(configurations.index(), Index{2});
  EXPECT_FALSE(configurations.TruncateSuffix(Index{2}));
  EXPECT_TRUE(configurations.TruncateSuffix(Index{1}));
  EXPECT_EQ(configurations.in_force(), Conf({1, 2, 3}));
  EXPECT_EQ(configurations.index(), Index{0});
}

TEST(ConfigurationsTest, WhatIsCommittedStays) {
  Configurations configurations(Conf({1, 2, 3}), Index{0});
  configurations.Append(
      std::vector{ConfEntry(1, Conf({2, 3}, {1, 2, 3})), ConfEntry(2, Conf({2, 3}))});
  EXPECT_TRUE(configurations.MayVote(MemberId{1})) << "the final one is not committed";
  configurations.CommitTo(Index{1});
  EXPECT_TRUE(configurations.MayVote(MemberId{1}));
  configurations.CommitTo(Index{2});
  EXPECT_FALSE(configurations.MayVote(MemberId{1}));
  EXPECT_FALSE(configurations.TruncateSuffix(Index{0})) << "nothing is left to take back";
  EXPECT_EQ(configurations.in_force(), Conf({2, 3}));
}

TEST(JointQuorumTest, BothMustAgree) {
  const Quorum quorum(Conf({3, 4, 5}, {1, 2, 3}, {6}));
  EXPECT_EQ(quorum.voters(), Ids({1, 2, 3, 4, 5}));
  EXPECT_FALSE(quorum.Contains(MemberId{6}));
  // 4 and 5 have much, of the old ones only 3 has: the second of 1, 2, 3 decides.
  const auto acked = [](MemberId id) -> uint64_t { return id >= MemberId{3} ? 9 : id.value(); };
  EXPECT_EQ(quorum.Acked(acked), 2U);
  const auto result = [&](std::vector<MemberId> yes, std::vector<MemberId> no) {
    return quorum.Votes([&](MemberId id) -> std::optional<bool> {
      if (std::ranges::count(yes, id) > 0) return true;
      if (std::ranges::count(no, id) > 0) return false;
      return std::nullopt;
    });
  };
  EXPECT_EQ(result(Ids({3, 4, 5}), {}), VoteResult::kPending);
  EXPECT_EQ(result(Ids({1, 3, 4}), {}), VoteResult::kWon);
  EXPECT_EQ(result(Ids({3, 4, 5}), Ids({1, 2})), VoteResult::kLost);
  EXPECT_EQ(result(Ids({1, 2}), Ids({4, 5})), VoteResult::kLost);
}

TEST(FloorSurveyTest, AllOthersMustAnswer) {
  const Quorum quorum(Conf({1, 2, 3}));
  FloorSurvey survey;
  EXPECT_EQ(survey.Highest(quorum, MemberId{1}), std::nullopt);
  survey.Answered(MemberId{2}, {Term{1}, Index{7}});
  EXPECT_EQ(survey.Highest(quorum, MemberId{1}), std::nullopt);
  survey.Answered(MemberId{3}, {Term{2}, Index{3}});
  EXPECT_EQ(survey.Highest(quorum, MemberId{1}), (EntryId{Term{2}, Index{3}}));
}

TEST(StallWatchTest, TellsOnceAndIsPatientThen) {
  StallWatch watch;
  const auto ticks_until_true = [&](Index persisted) {
    int ticks = 1;
    while (!watch.Tick(persisted, Index{9}, 10)) ++ticks;
    return ticks;
  };
  EXPECT_FALSE(watch.Tick(Index{9}, Index{9}, 1)) << "nothing is missing";
  EXPECT_EQ(ticks_until_true(Index{5}), 11) << "the first tick sees progress";
  EXPECT_EQ(ticks_until_true(Index{5}), 50);
  EXPECT_EQ(ticks_until_true(Index{6}), 11) << "it has moved since";
}

}  // namespace
}  // namespace pintle::raft

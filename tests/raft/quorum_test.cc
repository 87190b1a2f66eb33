#include "raft/quorum.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::raft {
namespace {

Quorum Voters(size_t count) {
  std::vector<MemberId> voters;
  for (size_t i = 1; i <= count; ++i) voters.emplace_back(i);
  return Quorum(voters);
}

TEST(QuorumTest, AckedIsWhatAMajorityHas) {
  struct Case {
    std::vector<uint64_t> acked;
    uint64_t expected;
  };
  const Case cases[] = {
      {{}, 0},
      {{7}, 7},
      {{7, 3}, 3},
      {{0, 9}, 0},
      {{1, 2, 3}, 2},
      {{9, 9, 0}, 9},
      {{9, 0, 0}, 0},
      {{5, 5, 5}, 5},
      {{1, 2, 3, 4}, 2},
      {{5, 1, 4, 2, 3}, 3},
      {{0, 0, 8, 8, 9}, 8},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Voters(c.acked.size()).Acked([&](MemberId id) { return c.acked[id.value() - 1]; }),
              c.expected)
        << testing::PrintToString(c.acked);
  }
}

TEST(QuorumTest, VotesAreWonLostOrPending) {
  struct Case {
    std::string votes;  // y, n, or . for none yet
    VoteResult expected;
  };
  const Case cases[] = {
      {"", VoteResult::kLost},         {".", VoteResult::kPending},  {"y", VoteResult::kWon},
      {"n", VoteResult::kLost},        {"y.", VoteResult::kPending}, {"yn", VoteResult::kLost},
      {"yy", VoteResult::kWon},        {".n", VoteResult::kLost},    {"y..", VoteResult::kPending},
      {"yn.", VoteResult::kPending},   {"yy.", VoteResult::kWon},    {"ynn", VoteResult::kLost},
      {"nn.", VoteResult::kLost},      {"yyn", VoteResult::kWon},    {"yy..", VoteResult::kPending},
      {"yynn", VoteResult::kLost},     {"yyy.", VoteResult::kWon},   {"nn..", VoteResult::kLost},
      {"yy..n", VoteResult::kPending}, {"yyynn", VoteResult::kWon},  {"ynnn.", VoteResult::kLost},
  };
  for (const Case& c : cases) {
    const VoteResult result = Voters(c.votes.size()).Votes([&](MemberId id) -> std::optional<bool> {
      const char vote = c.votes[id.value() - 1];
      return vote == '.' ? std::nullopt : std::optional(vote == 'y');
    });
    EXPECT_EQ(result, c.expected) << c.votes;
  }
}

TEST(QuorumTest, SortsAndForgetsDuplicates) {
  const Quorum quorum({MemberId{3}, MemberId{1}, MemberId{3}});
  EXPECT_EQ(quorum.voters(), (std::vector<MemberId>{MemberId{1}, MemberId{3}}));
  EXPECT_TRUE(quorum.Contains(MemberId{3}));
  EXPECT_FALSE(quorum.Contains(MemberId{2}));
  EXPECT_FALSE(quorum.IsOnly(MemberId{1}));
  EXPECT_TRUE(Voters(1).IsOnly(MemberId{1}));
  EXPECT_FALSE(Voters(1).IsOnly(MemberId{2}));
}

}  // namespace
}  // namespace pintle::raft

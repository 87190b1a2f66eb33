#include "raft/progress.h"

#include "gtest/gtest.h"

namespace pintle::raft {
namespace {

Config SmallWindow() {
  Config config{.id = MemberId{1}};
  config.max_append_bytes = 50;
  config.max_inflight_messages = 2;
  config.max_inflight_bytes = 100;
  return config;
}

// A progress that replicates behind `match`.
Progress Replicating(const Config& config, Index match) {
  Progress progress(config, match + 1);
  progress.Acknowledged(match);
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  return progress;
}

TEST(InflightsTest, IsBoundedInMessagesAndBytes) {
  Inflights by_messages(2, 1000);
  by_messages.Add(Index{1}, 10);
  EXPECT_FALSE(by_messages.Full());
  by_messages.Add(Index{2}, 10);
  EXPECT_TRUE(by_messages.Full());

  Inflights by_bytes(10, 30);
  by_bytes.Add(Index{1}, 20);
  EXPECT_FALSE(by_bytes.Full());
  EXPECT_EQ(by_bytes.bytes_left(), 10U);
  by_bytes.Add(Index{2}, 10);
  EXPECT_TRUE(by_bytes.Full());
  EXPECT_EQ(by_bytes.bytes_left(), 0U);
}

TEST(InflightsTest, FreesUpToAnIndex) {
  Inflights inflights(10, 1000);
  for (uint64_t i = 1; i <= 4; ++i) inflights.Add(Index{i * 10}, i);
  inflights.FreeTo(Index{9});
  EXPECT_EQ(inflights.messages(), 4U);
  inflights.FreeTo(Index{25});
  EXPECT_EQ(inflights.messages(), 2U);
  EXPECT_EQ(inflights.bytes(), 7U);
  inflights.Clear();
  EXPECT_EQ(inflights.bytes(), 0U);
}

TEST(ProgressTest, ProbesOnceUntilAnswered) {
  const Config config = SmallWindow();
  Progress progress(config, Index{6});
  EXPECT_TRUE(progress.WantsAppend(Index{5}, Index{0}));
  progress.Sent(0, 0, Index{0});
  EXPECT_FALSE(progress.WantsAppend(Index{9}, Index{9}));
  progress.HeartbeatAnswered(Index{9}, /*doubtful=*/false);
  EXPECT_TRUE(progress.WantsAppend(Index{9}, Index{9}));
  EXPECT_EQ(progress.next_index(), Index{6});
}

TEST(ProgressTest, BacksOffWhileProbing) {
  struct Case {
    uint64_t next, rejected, possible;
    bool news;
    uint64_t expected_next;
  };
  const Case cases[] = {
      {6, 5, 5, true, 5},   // no help from the hint: one step
      {6, 5, 2, true, 3},   // straight behind the possible match
      {6, 5, 9, true, 5},   // a hint beyond is nonsense
      {6, 4, 2, false, 6},  // a late answer to an older probe
      {6, 6, 2, false, 6},  // to one that was never sent
      {2, 1, 0, true, 1},
  };
  for (const Case& c : cases) {
    Progress progress(SmallWindow(), Index{c.next});
    EXPECT_EQ(progress.Rejected(Index{c.rejected}, Index{c.possible}), c.news);
    EXPECT_EQ(progress.next_index(), Index{c.expected_next}) << c.rejected << " " << c.possible;
  }
}

TEST(ProgressTest, RefusalWhileReplicatingProbesBehindTheMatch) {
  Progress progress = Replicating(SmallWindow(), Index{3});
  progress.Sent(2, 60, Index{0});
  EXPECT_EQ(progress.next_index(), Index{6});
  EXPECT_FALSE(progress.Rejected(Index{3}, Index{1}))
      << "what matched is refused only by late news";
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  EXPECT_TRUE(progress.Rejected(Index{5}, Index{3}));
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_EQ(progress.next_index(), Index{4});
  EXPECT_EQ(progress.inflights().messages(), 0U);
}

TEST(ProgressTest, StreamsWithinTheWindow) {
  const Config config = SmallWindow();
  Progress progress = Replicating(config, Index{1});
  EXPECT_TRUE(progress.WantsAppend(Index{9}, Index{1}));
  EXPECT_EQ(progress.AppendBudget(config), 50U);
  progress.Sent(1, 40, Index{1});
  progress.Sent(1, 40, Index{1});
  EXPECT_FALSE(progress.WantsAppend(Index{9}, Index{1})) << "two messages are under way";
  EXPECT_EQ(progress.AppendBudget(config), 0U);
  EXPECT_TRUE(progress.Acknowledged(Index{2}));
  EXPECT_TRUE(progress.WantsAppend(Index{9}, Index{1}));
  EXPECT_FALSE(progress.Acknowledged(Index{2})) << "nothing new";
}

TEST(ProgressTest, BudgetIsWhatTheWindowHasLeft) {
  Config config = SmallWindow();
  config.max_inflight_messages = 10;
  Progress progress = Replicating(config, Index{1});
  progress.Sent(1, 70, Index{1});
  EXPECT_EQ(progress.AppendBudget(config), 30U);
}

TEST(ProgressTest, TellsTheCommitIndexOnceAsFarAsItWasSent) {
  Progress progress = Replicating(SmallWindow(), Index{3});
  EXPECT_TRUE(progress.WantsAppend(Index{3}, Index{3}));
  progress.Sent(0, 0, Index{3});
  EXPECT_FALSE(progress.WantsAppend(Index{3}, Index{3}));
  EXPECT_FALSE(progress.WantsAppend(Index{3}, Index{9})) << "it was sent nothing behind 3";
}

TEST(ProgressTest, HeartbeatAnswerAsksAgainWhenSomethingIsMissing) {
  Progress progress = Replicating(SmallWindow(), Index{3});
  progress.HeartbeatAnswered(Index{3}, /*doubtful=*/false);
  EXPECT_FALSE(progress.WantsAppend(Index{3}, Index{0}));
  progress.Sent(1, 40, Index{0});
  EXPECT_FALSE(progress.WantsAppend(Index{4}, Index{0}));
  progress.HeartbeatAnswered(Index{4}, /*doubtful=*/false);
  EXPECT_TRUE(progress.WantsAppend(Index{4}, Index{0}));
  progress.Sent(0, 0, Index{0});
  EXPECT_FALSE(progress.WantsAppend(Index{4}, Index{0}));
}

TEST(ProgressTest, LateAcknowledgementDoesNotEndAProbe) {
  Progress progress(SmallWindow(), Index{10});
  progress.Sent(0, 0, Index{0});
  EXPECT_FALSE(progress.Acknowledged(Index{0}));
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_TRUE(progress.Acknowledged(Index{9}));
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  EXPECT_EQ(progress.next_index(), Index{10});
}

TEST(ProgressTest, LostEntriesLowerWhatWasAcknowledged) {
  Progress progress = Replicating(SmallWindow(), Index{9});
  EXPECT_FALSE(progress.Rejected(Index{9}, Index{5}))
      << "acknowledged once, so it is a late answer";
  progress.Lost(Index{9}, Index{5});
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_EQ(progress.match_index(), Index{5});
  EXPECT_EQ(progress.next_index(), Index{6});
  progress.Lost(Index{5}, Index{5});
  EXPECT_EQ(progress.match_index(), Index{5}) << "nothing more is lost";
}

TEST(ProgressTest, DoubtfulFollowersAreAskedThoughNothingIsMissing) {
  Progress progress = Replicating(SmallWindow(), Index{3});
  progress.HeartbeatAnswered(Index{3}, /*doubtful=*/true);
  EXPECT_TRUE(progress.WantsAppend(Index{3}, Index{0}));
}

TEST(ProgressTest, NeedsASnapshotOnceUntilItHasEnded) {
  Progress progress(SmallWindow(), Index{10});
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/true)) << "it was not heard of";
  progress.set_recently_active(true);
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/false));
  EXPECT_TRUE(progress.TakeSnapshotNeed(/*behind_log=*/true));
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/true));
  progress.HeartbeatAnswered(Index{20}, /*doubtful=*/false);
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/true)) << "the owner knows";

  progress.SnapshotFailed();
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/true)) << "not before it is heard again";
  progress.HeartbeatAnswered(Index{20}, /*doubtful=*/false);
  EXPECT_TRUE(progress.TakeSnapshotNeed(/*behind_log=*/true));

  progress.SnapshotSending(Index{15}, /*behind_log=*/true);
  EXPECT_EQ(progress.state(), ProgressState::kSnapshot);
  EXPECT_FALSE(progress.WantsAppend(Index{20}, Index{20}));
  progress.Acknowledged(Index{12});
  EXPECT_EQ(progress.state(), ProgressState::kSnapshot) << "less than the snapshot";
  progress.Acknowledged(Index{15});
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  EXPECT_EQ(progress.next_index(), Index{16});
}

TEST(ProgressTest, GoesOnBehindAnInstalledSnapshot) {
  Progress progress(SmallWindow(), Index{10});
  progress.SnapshotSending(Index{15}, /*behind_log=*/true);
  progress.SnapshotInstalled();
  EXPECT_EQ(progress.state(), ProgressState::kProbe);
  EXPECT_EQ(progress.next_index(), Index{16});
}

TEST(ProgressTest, LostStoresDoNotStopTheLog) {
  Progress progress = Replicating(SmallWindow(), Index{9});
  progress.set_recently_active(true);
  progress.set_store_needs_snapshot(true);
  EXPECT_TRUE(progress.TakeSnapshotNeed(/*behind_log=*/false));
  progress.SnapshotSending(Index{8}, /*behind_log=*/false);
  EXPECT_EQ(progress.state(), ProgressState::kReplicate);
  EXPECT_TRUE(progress.WantsAppend(Index{10}, Index{9}));
  EXPECT_FALSE(progress.TakeSnapshotNeed(/*behind_log=*/false));
  progress.set_store_needs_snapshot(false);
  progress.set_store_needs_snapshot(true);
  EXPECT_TRUE(progress.TakeSnapshotNeed(/*behind_log=*/false)) << "lost again";
}

}  // namespace
}  // namespace pintle::raft

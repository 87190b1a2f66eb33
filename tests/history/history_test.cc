// Each rule has a history that keeps it and one that breaks it.
#include "tests/history/history.h"

#include <gtest/gtest.h>

namespace pintle::history {
namespace {

Change Put(const std::string& key, const std::string& value, int64_t created, int64_t version) {
  return {.key = key, .value = value, .create_revision = created, .version = version};
}
Change Delete(const std::string& key) { return {.key = key, .deleted = true}; }
Pair At(const std::string& value, int64_t mod, int64_t created, int64_t version) {
  return {value, mod, created, version};
}

class HistoryTest : public ::testing::Test {
 protected:
  HistoryTest() {
    // Revisions 2 to 4.
    EXPECT_TRUE(history_.Learn("a", 2, {Put("k", "one", 2, 1)}).ok());
    EXPECT_TRUE(history_.Learn("a", 3, {Put("k", "two", 2, 2)}).ok());
    EXPECT_TRUE(history_.Learn("a", 4, {Delete("k")}).ok());
  }
  History history_;
};

TEST_F(HistoryTest, MembersMustTellTheSame) {
  EXPECT_TRUE(history_.Learn("b", 2, {Put("k", "one", 2, 1)}).ok());
  EXPECT_FALSE(history_.Learn("b", 3, {Put("k", "other", 2, 2)}).ok());
}

TEST_F(HistoryTest, RevisionsHaveNoGapsAndDoNotGoBack) {
  EXPECT_FALSE(history_.Learn("a", 4, {Delete("k")}).ok());
  EXPECT_FALSE(history_.Learn("a", 6, {Put("k", "x", 6, 1)}).ok());
  EXPECT_FALSE(history_.Learn("b", 7, {Put("k", "x", 7, 1)}).ok());
}

TEST_F(HistoryTest, VersionsFollow) {
  EXPECT_FALSE(history_.Learn("a", 5, {Put("k", "three", 2, 3)}).ok());
  History fresh;
  EXPECT_FALSE(fresh.Learn("a", 2, {Delete("k")}).ok());
}

TEST_F(HistoryTest, AValueIsWrittenOnce) {
  EXPECT_FALSE(history_.Learn("a", 5, {Put("k", "one", 5, 1)}).ok());
}

TEST_F(HistoryTest, AnAcknowledgedWriteIsTheTruthAtItsRevision) {
  EXPECT_TRUE(history_.Wrote(1, 3, "k", "two").ok());
  EXPECT_FALSE(history_.Wrote(1, 2, "k", "lost").ok());
}

TEST_F(HistoryTest, AWriteIsNotBeforeWhatWasAcknowledgedBeforeIt) {
  EXPECT_TRUE(history_.Wrote(1, 3, "k", "two").ok());
  EXPECT_FALSE(history_.Wrote(history_.Floor(), 2, "k", "one").ok());
}

TEST_F(HistoryTest, ARevisionIsAcknowledgedToOneCall) {
  EXPECT_TRUE(history_.Deleted(1, 4, "k").ok());
  EXPECT_FALSE(history_.Deleted(1, 4, "k").ok());
}

TEST_F(HistoryTest, AnAcknowledgedWriteThatNobodyHasIsLost) {
  EXPECT_TRUE(history_.Wrote(1, 5, "k", "three").ok());
  EXPECT_FALSE(history_.Finish().ok());
  EXPECT_TRUE(history_.Learn("a", 5, {Put("k", "three", 5, 1)}).ok());
  EXPECT_TRUE(history_.Finish().ok());
}

TEST_F(HistoryTest, AnEarlyAcknowledgementIsCheckedWhenTheTruthIsKnown) {
  EXPECT_TRUE(history_.Wrote(1, 5, "k", "three").ok());
  EXPECT_FALSE(history_.Learn("a", 5, {Put("k", "other", 5, 1)}).ok());
}

TEST_F(HistoryTest, WhatWasRefusedIsNeverSeen) {
  EXPECT_TRUE(history_.NotWritten("never").ok());
  EXPECT_FALSE(history_.Learn("a", 5, {Put("k", "never", 5, 1)}).ok());
  EXPECT_FALSE(history_.NotWritten("two").ok());
}

TEST_F(HistoryTest, ReadsAreTheTruthAtTheirRevision) {
  EXPECT_TRUE(history_.Read(false, 1, 2, "k", At("one", 2, 2, 1)).ok());
  EXPECT_TRUE(history_.Read(false, 1, 4, "k", std::nullopt).ok());
  EXPECT_FALSE(history_.Read(false, 1, 3, "k", At("one", 2, 2, 1)).ok());
  EXPECT_FALSE(history_.Read(false, 1, 2, "k", At("two", 3, 2, 2)).ok());
}

TEST_F(HistoryTest, AReadAheadOfTheTruthIsCheckedLater) {
  EXPECT_TRUE(history_.Read(true, 1, 5, "k", At("three", 5, 5, 1)).ok());
  EXPECT_FALSE(history_.Finish().ok());
  EXPECT_FALSE(history_.Learn("a", 5, {Put("k", "other", 5, 1)}).ok());
}

TEST_F(HistoryTest, ALinearizableReadIsNotOlderThanWhatWasAcknowledgedOrRead) {
  EXPECT_TRUE(history_.Wrote(1, 3, "k", "two").ok());
  EXPECT_TRUE(history_.Read(false, history_.Floor(), 2, "k", At("one", 2, 2, 1)).ok());
  EXPECT_FALSE(history_.Read(true, history_.Floor(), 2, "k", At("one", 2, 2, 1)).ok());
  EXPECT_TRUE(history_.Read(true, history_.Floor(), 4, "k", std::nullopt).ok());
  EXPECT_FALSE(history_.Read(true, history_.Floor(), 3, "k", At("two", 3, 2, 2)).ok());
}

TEST_F(HistoryTest, WatchesAreOrderedWholeAndWithoutGaps) {
  int64_t cursor = 1;
  EXPECT_TRUE(history_.Watched(cursor, 2, {Put("k", "one", 2, 1)}).ok());
  EXPECT_FALSE(history_.Watched(cursor, 2, {Put("k", "one", 2, 1)}).ok());
  int64_t gap = 2;
  EXPECT_FALSE(history_.Watched(gap, 4, {Delete("k")}).ok());
  int64_t wrong = 2;
  EXPECT_FALSE(history_.Watched(wrong, 3, {Put("k", "two", 2, 1)}).ok());
  int64_t ahead = 4;
  EXPECT_FALSE(history_.Watched(ahead, 5, {Put("k", "three", 5, 1)}).ok());
}

TEST_F(HistoryTest, ProgressIsNotAheadOfEventsNorBehindTheStart) {
  EXPECT_TRUE(history_.Progress(3, 3).ok());
  EXPECT_FALSE(history_.Progress(3, 4).ok());
  EXPECT_FALSE(history_.Progress(3, 2).ok());
}

}  // namespace
}  // namespace pintle::history

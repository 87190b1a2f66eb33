// MemoryLog, UnstableLog and RaftLog.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "raft/byte_window.h"
#include "raft/memory_log.h"
#include "raft/raft_log.h"
#include "raft/unstable_log.h"

namespace pintle::raft {
namespace {

Entry MakeEntry(uint64_t term, uint64_t index, size_t bytes = 0) {
  return {{Term{term}, Index{index}},
          EntryKind::kNormal,
          std::make_shared<const std::string>(std::string(bytes, 'x'))};
}

// Entries from `first` on, with these terms.
std::vector<Entry> MakeEntries(uint64_t first, const std::vector<uint64_t>& terms) {
  std::vector<Entry> entries;
  for (const uint64_t term : terms) entries.push_back(MakeEntry(term, first + entries.size()));
  return entries;
}

std::vector<uint64_t> Terms(const std::vector<Entry>& entries) {
  std::vector<uint64_t> terms;
  for (const Entry& entry : entries) terms.push_back(entry.id.term.value());
  return terms;
}

std::vector<uint64_t> TermsOf(const RaftLog& log) {
  std::vector<Entry> entries;
  log.Read({log.first_index(), log.last().index}, SIZE_MAX, entries);
  return Terms(entries);
}

using List = std::vector<uint64_t>;

TEST(MemoryLogTest, AppendReplacesFromItsFirstIndex) {
  MemoryLog log;
  EXPECT_EQ(log.FirstIndex(), Index{1});
  EXPECT_EQ(log.LastIndex(), Index{0});
  EXPECT_EQ(log.TermAt(Index{0}), Term{0});
  log.Append(MakeEntries(1, {1, 1, 1}));
  log.Append(MakeEntries(2, {2}));
  EXPECT_EQ(log.LastIndex(), Index{2});
  EXPECT_EQ(log.TermAt(Index{1}), Term{1});
  EXPECT_EQ(log.TermAt(Index{2}), Term{2});
  EXPECT_EQ(log.TermAt(Index{3}), std::nullopt);
  EXPECT_EQ(log.size_bytes(), 2 * Entry::kOverheadBytes);
}

TEST(MemoryLogTest, CompactKeepsTheTermBeforeTheFirst) {
  MemoryLog log;
  log.Append(MakeEntries(1, {1, 2, 3, 4}));
  log.Compact(Index{2});
  log.Compact(Index{1});
  EXPECT_EQ(log.FirstIndex(), Index{3});
  EXPECT_EQ(log.TermAt(Index{2}), Term{2});
  EXPECT_EQ(log.TermAt(Index{1}), std::nullopt);
  log.Compact(Index{4});
  EXPECT_EQ(log.FirstIndex(), Index{5});
  EXPECT_EQ(log.LastIndex(), Index{4});
  EXPECT_EQ(log.TermAt(Index{4}), Term{4});
  EXPECT_EQ(log.size_bytes(), 0U);
  log.Append(MakeEntries(5, {5}));
  EXPECT_EQ(log.LastIndex(), Index{5});
}

TEST(MemoryLogTest, EntriesAreBoundedButNeverNone) {
  MemoryLog log;
  for (uint64_t i = 1; i <= 5; ++i) log.Append(std::vector{MakeEntry(1, i, 68)});  // cost 100
  struct Case {
    size_t max_bytes;
    size_t expected;
  };
  for (const Case& c :
       {Case{0, 1}, Case{99, 1}, Case{100, 1}, Case{199, 1}, Case{200, 2}, Case{10000, 4}}) {
    std::vector<Entry> out;
    log.Entries({Index{1}, Index{4}}, c.max_bytes, out);
    EXPECT_EQ(out.size(), c.expected) << c.max_bytes;
  }
}

TEST(MemoryLogDeathTest, RefusesGapsAndTheCompacted) {
  MemoryLog log(EntryId{Term{1}, Index{10}});
  EXPECT_DEATH(log.Append(MakeEntries(12, {1})), "gap");
  EXPECT_DEATH(log.Append(MakeEntries(10, {1})), "compaction");
  EXPECT_DEATH(log.Compact(Index{11}), "beyond the end");
}

TEST(UnstableLogTest, HandsOutOnceAndForgetsWhatIsDurable) {
  UnstableLog log(Index{4});
  log.Append(MakeEntry(1, 5));
  log.Append(MakeEntry(1, 6));
  std::vector<Entry> out;
  log.HandOut(ReadyNumber{1}, out);
  EXPECT_EQ(out.size(), 2U);
  EXPECT_FALSE(log.HasNew());
  log.Append(MakeEntry(1, 7));
  log.HandOut(ReadyNumber{2}, out);
  EXPECT_EQ(out.size(), 3U);
  log.Persisted(ReadyNumber{1});
  EXPECT_EQ(log.persisted_index(), Index{6});
  EXPECT_EQ(log.last_index(), Index{7});
  log.Persisted(ReadyNumber{9});
  EXPECT_EQ(log.persisted_index(), Index{7});
}

TEST(UnstableLogTest, CompletionOfReplacedEntriesDoesNotCount) {
  // Entry 5 of term 1 is under way, is replaced by term 2's, and comes back (its leader of term 3
  // has it): three writes, of which the first and the last have the same id.
  UnstableLog log(Index{4});
  std::vector<Entry> out;
  log.Append(MakeEntry(1, 5));
  log.HandOut(ReadyNumber{1}, out);
  log.TruncateSuffix(Index{4});
  log.Append(MakeEntry(2, 5));
  log.HandOut(ReadyNumber{2}, out);
  log.TruncateSuffix(Index{4});
  log.Append(MakeEntry(1, 5));
  log.HandOut(ReadyNumber{3}, out);
  log.Persisted(ReadyNumber{1});
  EXPECT_EQ(log.persisted_index(), Index{4}) << "the disk is about to hold term 2's entry";
  log.Persisted(ReadyNumber{2});
  EXPECT_EQ(log.persisted_index(), Index{4});
  log.Persisted(ReadyNumber{3});
  EXPECT_EQ(log.persisted_index(), Index{5});
}

TEST(UnstableLogTest, TruncationReachesIntoTheDurable) {
  UnstableLog log(Index{4});
  log.Append(MakeEntry(1, 5));
  log.TruncateSuffix(Index{2});
  EXPECT_EQ(log.persisted_index(), Index{2});
  EXPECT_EQ(log.last_index(), Index{2});
  log.Append(MakeEntry(2, 3));
  EXPECT_TRUE(log.HasNew());
  std::vector<Entry> out;
  log.HandOut(ReadyNumber{1}, out);
  EXPECT_EQ(Terms(out), (List{2}));
}

class RaftLogTest : public testing::Test {
 protected:
  // Durable entries with these terms, all committed up to `commit`.
  RaftLog Make(const std::vector<uint64_t>& terms, uint64_t commit = 0) {
    storage_.Append(MakeEntries(1, terms));
    return RaftLog(storage_, Index{commit});
  }
  // Writes everything that is new.
  void Persist(RaftLog& log) {
    std::vector<Entry> entries;
    log.HandOut(++number_, entries);
    storage_.Append(entries);
    log.Persisted(number_);
  }

  MemoryLog storage_;
  ReadyNumber number_;
};

TEST_F(RaftLogTest, CommitIndexIsCutToTheLog) {
  EXPECT_EQ(Make({1, 1}, 9).commit_index(), Index{2});
}

TEST_F(RaftLogTest, ReadsAcrossTheDurableAndTheRest) {
  RaftLog log = Make({1, 1});
  log.Append(MakeEntry(2, 3));
  log.Append(MakeEntry(2, 4));
  EXPECT_EQ(TermsOf(log), (List{1, 1, 2, 2}));
  for (size_t count = 1; count <= 4; ++count) {
    std::vector<Entry> out;
    log.Read({Index{1}, Index{4}}, count * Entry::kOverheadBytes, out);
    EXPECT_EQ(out.size(), count);
  }
  std::vector<Entry> out;
  log.Read({Index{3}, Index{4}}, 1, out);
  EXPECT_EQ(out.size(), 1U);
  Persist(log);
  EXPECT_EQ(log.persisted_index(), Index{4});
  EXPECT_EQ(TermsOf(log), (List{1, 1, 2, 2}));
}

TEST_F(RaftLogTest, UpToDateIsTermThenLength) {
  const RaftLog log = Make({1, 2, 2});
  EXPECT_TRUE(log.IsUpToDate({Term{2}, Index{3}}));
  EXPECT_TRUE(log.IsUpToDate({Term{2}, Index{4}}));
  EXPECT_TRUE(log.IsUpToDate({Term{3}, Index{1}}));
  EXPECT_FALSE(log.IsUpToDate({Term{2}, Index{2}}));
  EXPECT_FALSE(log.IsUpToDate({Term{1}, Index{9}}));
}

TEST_F(RaftLogTest, MergeKeepsWhatIsEqualAndReplacesFromTheFirstConflict) {
  struct Case {
    EntryId previous;
    List news;
    List expected;
  };
  const Case cases[] = {
      {{Term{0}, Index{0}}, {}, {1, 2, 3}},
      {{Term{0}, Index{0}}, {1, 2}, {1, 2, 3}},  // late: must not cut
      {{Term{1}, Index{1}}, {2, 3, 4}, {1, 2, 3, 4}},
      {{Term{3}, Index{3}}, {4, 4}, {1, 2, 3, 4, 4}},
      {{Term{1}, Index{1}}, {4}, {1, 4}},  // conflict in the middle
      {{Term{2}, Index{2}}, {5, 5}, {1, 2, 5, 5}},
      {{Term{0}, Index{0}}, {4, 4, 4, 4}, {4, 4, 4, 4}},
  };
  for (const Case& c : cases) {
    storage_ = MemoryLog();
    RaftLog log = Make({1, 2});
    log.Append(MakeEntry(3, 3));
    log.Merge(c.previous, MakeEntries(c.previous.index.value() + 1, c.news));
    EXPECT_EQ(TermsOf(log), c.expected);
    EXPECT_EQ(log.last().index.value(), c.expected.size());
    EXPECT_EQ(log.last().term.value(), c.expected.back());
    Persist(log);
    EXPECT_EQ(log.persisted_index(), log.last().index);
    EXPECT_EQ(TermsOf(log), c.expected);
  }
}

TEST_F(RaftLogTest, LastPossibleMatchSkipsTerms) {
  const RaftLog log = Make({1, 1, 4, 4, 6, 6});
  struct Case {
    EntryId bound;
    EntryId expected;
  };
  const Case cases[] = {
      {{Term{6}, Index{6}}, {Term{6}, Index{6}}}, {{Term{6}, Index{9}}, {Term{6}, Index{6}}},
      {{Term{5}, Index{9}}, {Term{4}, Index{4}}}, {{Term{4}, Index{3}}, {Term{4}, Index{3}}},
      {{Term{3}, Index{6}}, {Term{1}, Index{2}}}, {{Term{0}, Index{6}}, {Term{0}, Index{0}}},
  };
  for (const Case& c : cases) EXPECT_EQ(log.LastPossibleMatch(c.bound), c.expected);
}

TEST_F(RaftLogTest, LastPossibleMatchStopsAtTheCompacted) {
  storage_.Append(MakeEntries(1, {1, 1, 4, 4}));
  storage_.Compact(Index{3});
  const RaftLog log(storage_, Index{3});
  EXPECT_EQ(log.LastPossibleMatch({Term{2}, Index{4}}), (EntryId{Term{0}, Index{2}}));
}

using RaftLogDeathTest = RaftLogTest;

TEST_F(RaftLogDeathTest, BrokenInvariantsEndTheProcess) {
  RaftLog log = Make({1, 1, 2}, 2);
  EXPECT_DEATH(log.Merge({Term{1}, Index{1}}, MakeEntries(2, {3})), "committed entry");
  EXPECT_DEATH(log.CommitTo(Index{4}), "behind the end");
  EXPECT_DEATH(log.Append(MakeEntry(1, 4)), "terms go back");
  log.Append(MakeEntry(2, 4));
  std::vector<Entry> lost;
  log.HandOut(ReadyNumber{1}, lost);
  EXPECT_DEATH(log.Persisted(ReadyNumber{1}), "reported durable");
}

TEST(ByteWindowTest, CountsWhatIsNotReleased) {
  ByteWindow window(Index{10});
  window.Push(5);
  window.Push(7);
  window.ReleaseTo(Index{9});
  EXPECT_EQ(window.bytes(), 12U);
  window.ReleaseTo(Index{11});
  EXPECT_EQ(window.bytes(), 7U);
  window.ReleaseTo(Index{12});
  EXPECT_EQ(window.bytes(), 0U);
  EXPECT_EQ(window.released(), Index{12});
}

// What is behind the snapshot may be on its way to the disk, and be acknowledged once it is there.
TEST(RaftLogSnapshotTest, ASnapshotOfAnEntryThatIsNotDurableYetLeavesWhatIsBehindIt) {
  MemoryLog storage;
  storage.Append(MakeEntries(1, {1, 1}));
  RaftLog log(storage, Index{0});
  log.Append(MakeEntry(1, 3));
  log.Append(MakeEntry(1, 4));
  EXPECT_FALSE(log.Restore({Term{1}, Index{3}}));
  EXPECT_EQ(log.last(), (EntryId{Term{1}, Index{4}}));
  EXPECT_EQ(log.commit_index(), Index{3});
  EXPECT_EQ(TermsOf(log), (List{1, 1, 1, 1}));
}

TEST(RaftLogSnapshotTest, ASnapshotThatTheLogContradictsOrDoesNotReachReplacesIt) {
  MemoryLog storage;
  storage.Append(MakeEntries(1, {1, 1, 1}));
  RaftLog contradicts(storage, Index{0});
  EXPECT_TRUE(contradicts.Restore({Term{2}, Index{2}}));
  EXPECT_EQ(contradicts.last(), (EntryId{Term{2}, Index{2}}));
  RaftLog is_short(storage, Index{0});
  EXPECT_TRUE(is_short.Restore({Term{1}, Index{9}}));
  EXPECT_EQ(is_short.last(), (EntryId{Term{1}, Index{9}}));
}

}  // namespace
}  // namespace pintle::raft
